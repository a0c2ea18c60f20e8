package org.iommu4j.tests.arch;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.net.URL;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every published jar is a module that says what it needs and shows only what is meant for users.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // the descriptors are read once
final class ModulesTest {
  private static final Map<String, Shape> SHAPES =
      Map.of(
          "org.iommu4j.api",
          new Shape(
              Set.of(), Set.of("org.iommu4j.api", "org.iommu4j.api.grouping", "org.iommu4j.spi")),
          "org.iommu4j.core",
          new Shape(
              Set.of("org.iommu4j.api", "org.slf4j"),
              Set.of("org.iommu4j.core", "org.iommu4j.core.sysfs")),
          "org.iommu4j.memory",
          new Shape(Set.of("org.iommu4j.api"), Set.of("org.iommu4j.memory")),
          "org.iommu4j.pgtable",
          new Shape(Set.of("org.iommu4j.api"), Set.of("org.iommu4j.pgtable")),
          "org.iommu4j.driver.soft",
          new Shape(
              Set.of("org.iommu4j.api", "org.iommu4j.pgtable", "org.slf4j"),
              Set.of("org.iommu4j.driver.soft")),
          "org.iommu4j.topology",
          new Shape(
              Set.of("org.iommu4j.api", "com.fasterxml.jackson.core"),
              Set.of("org.iommu4j.topology")),
          "org.iommu4j.testkit",
          new Shape(
              Set.of(
                  "org.iommu4j.api",
                  "org.iommu4j.core",
                  "org.iommu4j.memory",
                  "com.fasterxml.jackson.core"),
              Set.of(
                  "org.iommu4j.testkit",
                  "org.iommu4j.testkit.conformance",
                  "org.iommu4j.testkit.junit",
                  "org.iommu4j.testkit.jqwik",
                  "org.iommu4j.testkit.linux",
                  "org.iommu4j.testkit.persona",
                  "org.iommu4j.testkit.sysfs",
                  "org.iommu4j.testkit.transcript",
                  "org.iommu4j.testkit.vfio")));

  private final Map<String, ModuleDescriptor> modules = read();

  /** What a module must have at run time, and what it shows to everybody. */
  private record Shape(Set<String> needs, Set<String> shows) {}

  private static Map<String, ModuleDescriptor> read() {
    Map<String, ModuleDescriptor> found = new HashMap<>();
    try {
      ClassLoader loader = ModulesTest.class.getClassLoader();
      for (URL url : Collections.list(loader.getResources("module-info.class"))) {
        try (InputStream in = url.openStream()) {
          ModuleDescriptor module = ModuleDescriptor.read(in);
          found.put(module.name(), module);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return found;
  }

  static List<String> published() {
    return SHAPES.keySet().stream().sorted().toList();
  }

  @ParameterizedTest
  @MethodSource("published")
  void needsAndShowsWhatTheDrawingSays(String name) {
    ModuleDescriptor module = module(name);
    Shape shape = requireNonNull(SHAPES.get(name));
    assertThat(neededAtRunTime(module)).isEqualTo(shape.needs());
    assertThat(shown(module)).isEqualTo(shape.shows());
    assertThat(module.isOpen()).isFalse();
    assertThat(module.opens()).isEmpty();
  }

  private ModuleDescriptor module(String name) {
    return requireNonNull(modules.get(name), name);
  }

  private static Set<String> neededAtRunTime(ModuleDescriptor module) {
    return module.requires().stream()
        .filter(needed -> !needed.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC))
        .map(ModuleDescriptor.Requires::name)
        .filter(other -> !other.equals("java.base"))
        .collect(Collectors.toSet());
  }

  private static Set<String> shown(ModuleDescriptor module) {
    return module.exports().stream()
        .filter(export -> !export.isQualified())
        .map(ModuleDescriptor.Exports::source)
        .collect(Collectors.toSet());
  }

  /** It is built by Java 22 and later only. */
  @Test
  void memoryOnSegmentsNeedsMemory() {
    ModuleDescriptor module = modules.get("org.iommu4j.memory.segment");
    assumeThat(module).as("was not built").isNotNull();
    assertThat(neededAtRunTime(requireNonNull(module))).containsExactly("org.iommu4j.memory");
    assertThat(shown(module)).containsExactly("org.iommu4j.memory.segment");
  }

  @Test
  void driversAreFoundAsServices() {
    assertThat(module("org.iommu4j.driver.soft").provides())
        .extracting(ModuleDescriptor.Provides::service)
        .containsExactly("org.iommu4j.spi.IommuDriverProvider");
    assertThat(module("org.iommu4j.api").uses())
        .containsExactly("org.iommu4j.spi.IommuDriverProvider");
  }
}
