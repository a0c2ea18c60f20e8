package org.iommu4j.tests.arch;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.lang.ArchRule;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Dependencies run one way, between modules and between rooms. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // the classes are read once
final class DependencyTest {
  private static final String[] EVERYWHERE = {
    "java..", "org.jspecify.annotations..", "com.google.errorprone.annotations.."
  };

  private static final String[] API = {"org.iommu4j.api..", "org.iommu4j.spi.."};

  private final JavaClasses classes = House.classes();

  /** A rule about no class at all would always hold. */
  @ParameterizedTest
  @CsvSource({
    "api, 60",
    "spi, 18",
    "core, 90",
    "core.group, 30",
    "core.dma, 10",
    "core.probe, 9",
    "memory, 3",
    "pgtable, 15",
    "driver.soft, 12",
    "topology, 8",
    "testkit, 90",
    "testkit.jqwik, 10",
    "cli, 25"
  })
  void thereAreClassesToLookAt(String room, int fewest) {
    assertThat(House.count(classes, room)).isGreaterThanOrEqualTo(fewest);
  }

  /** What consumers see and what drivers see are two faces of one module. */
  @Test
  void theApiKnowsOnlyItself() {
    mayUse("org.iommu4j.api..", API).check(classes);
    mayUse("org.iommu4j.spi..", API).check(classes);
  }

  @Test
  void theCoreKnowsTheApi() {
    mayUse(
            "org.iommu4j.core..",
            "org.iommu4j.api..",
            "org.iommu4j.spi..",
            "org.iommu4j.core..",
            "org.slf4j..")
        .check(classes);
  }

  @Test
  void memoryKnowsTheApi() {
    mayUse("org.iommu4j.memory..", "org.iommu4j.api..", "org.iommu4j.spi..", "org.iommu4j.memory..")
        .check(classes);
  }

  @Test
  void pageTablesKnowTheApi() {
    mayUse(
            "org.iommu4j.pgtable..",
            "org.iommu4j.api..",
            "org.iommu4j.spi..",
            "org.iommu4j.pgtable..")
        .check(classes);
  }

  @Test
  void driversKnowNeitherCoreNorTestkit() {
    mayUse(
            "org.iommu4j.driver..",
            "org.iommu4j.api..",
            "org.iommu4j.spi..",
            "org.iommu4j.memory..",
            "org.iommu4j.pgtable..",
            "org.iommu4j.driver..",
            "org.slf4j..")
        .check(classes);
  }

  @Test
  void topologyKnowsTheApi() {
    mayUse(
            "org.iommu4j.topology..",
            "org.iommu4j.api..",
            "org.iommu4j.topology..",
            "com.fasterxml.jackson..")
        .check(classes);
  }

  @Test
  void theTestkitKnowsNoDriver() {
    noClasses()
        .that()
        .resideInAPackage("org.iommu4j.testkit..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.iommu4j.driver..", "org.iommu4j.pgtable..", "org.iommu4j.cli..")
        .check(classes);
  }

  @Test
  void theTestkitUsesOfTheCoreOnlyItsDoor() {
    noClasses()
        .that()
        .resideOutsideOfPackage("org.iommu4j.core..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "org.iommu4j.core.lock..",
            "org.iommu4j.core.trace..",
            "org.iommu4j.core.policy..",
            "org.iommu4j.core.resv..",
            "org.iommu4j.core.domain..",
            "org.iommu4j.core.group..",
            "org.iommu4j.core.probe..",
            "org.iommu4j.core.dma..")
        .check(classes);
  }

  @Test
  void onlyOnePackageTouchesJqwik() {
    noClasses()
        .that()
        .resideOutsideOfPackage("org.iommu4j.testkit.jqwik..")
        .and()
        .resideOutsideOfPackage("org.iommu4j.examples..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("net.jqwik..", "org.iommu4j.testkit.jqwik..")
        .check(classes);
  }

  @Test
  void roomsHaveNoCycles() {
    slices().matching("org.iommu4j.core.(*)..").should().beFreeOfCycles().check(classes);
  }

  @Test
  void packagesHaveNoCycles() {
    slices()
        .matching("org.iommu4j.(**)")
        .should()
        .beFreeOfCycles()
        .ignoreDependency(resideInAPackage("org.iommu4j.api"), resideInAPackage("org.iommu4j.spi"))
        .check(classes);
  }

  @Test
  void theLockRoomKnowsNoOtherRoom() {
    mayUse("org.iommu4j.core.lock..", "org.iommu4j.api..", "org.iommu4j.core.lock..")
        .check(classes);
  }

  private static ArchRule mayUse(String from, String... to) {
    List<String> all = new ArrayList<>(List.of(EVERYWHERE));
    all.addAll(List.of(to));
    return classes()
        .that()
        .resideInAPackage(from)
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(all.toArray(String[]::new));
  }
}
