package org.iommu4j.memory.segment;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What is tested here is the jar, and the jar is a module. */
class SegmentJarTest {
  private static Path jar() throws Exception {
    return Path.of(SegmentMemory.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  @Test
  void theTestsRunAgainstTheJar() throws Exception {
    assertThat(jar().getFileName().toString()).startsWith("iommu-memory-segment").endsWith(".jar");
  }

  @Test
  void itNeedsAndShowsWhatTheDrawingSays() throws Exception {
    Set<ModuleReference> found = ModuleFinder.of(jar()).findAll();
    assertThat(found).hasSize(1);
    ModuleDescriptor module = found.iterator().next().descriptor();
    assertThat(module.name()).isEqualTo("org.iommu4j.memory.segment");
    assertThat(module.exports().stream().map(ModuleDescriptor.Exports::source))
        .containsExactly("org.iommu4j.memory.segment");
    assertThat(
            module.requires().stream()
                .map(ModuleDescriptor.Requires::name)
                .collect(Collectors.toSet()))
        .containsExactlyInAnyOrder("java.base", "org.iommu4j.memory");
  }
}
