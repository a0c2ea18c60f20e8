package org.iommu4j.tests.arch;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaPackage;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What no class of the library does. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // the classes are read once
final class HabitsTest {
  /** Programs may look at the clock, start threads and print. */
  private static final List<String> PROGRAMS = List.of("org.iommu4j.cli", "org.iommu4j.examples");

  /** The one place that has a thread and sleeps on it; a core gets it through its builder. */
  private static final String REAL_TIME = "org.iommu4j.core.dma.ThreadScheduler";

  private static final Set<String> CLOCKS =
      Set.of(
          "java.lang.System.nanoTime",
          "java.lang.System.currentTimeMillis",
          "java.time.Instant.now",
          "java.time.LocalDateTime.now",
          "java.time.Clock.systemUTC",
          "java.time.Clock.systemDefaultZone");

  private static final Set<String> CHANCE =
      Set.of(
          "java.lang.Math.random",
          "java.util.UUID.randomUUID",
          "java.util.Collections.shuffle",
          "java.util.concurrent.ThreadLocalRandom.current",
          "java.util.Random.<init>",
          "java.util.SplittableRandom.<init>",
          "java.security.SecureRandom.<init>");

  private static final Set<String> THREADS =
      Set.of(
          "java.lang.Thread.<init>",
          "java.lang.Thread.start",
          "java.lang.Thread.sleep",
          "java.util.Timer.<init>",
          "java.util.concurrent.CompletableFuture.runAsync",
          "java.util.concurrent.CompletableFuture.supplyAsync",
          "java.util.concurrent.ForkJoinPool.commonPool",
          "java.util.Collection.parallelStream");

  private final JavaClasses classes = House.classes();

  @Test
  void nothingStaticChanges() {
    assertThat(staticFields().filter(field -> !is(field, JavaModifier.FINAL))).isEmpty();
    assertThat(staticFields().filter(HabitsTest::holdsWhatChanges)).isEmpty();
  }

  private Stream<JavaField> staticFields() {
    return classes.stream()
        .flatMap(type -> type.getFields().stream())
        .filter(field -> is(field, JavaModifier.STATIC) && !is(field, JavaModifier.SYNTHETIC));
  }

  private static boolean is(JavaField field, JavaModifier modifier) {
    return field.getModifiers().contains(modifier);
  }

  /** An array is a constant as long as nobody else sees it. */
  private static boolean holdsWhatChanges(JavaField field) {
    JavaClass type = field.getRawType();
    if (type.isArray()) {
      return !is(field, JavaModifier.PRIVATE);
    }
    boolean collection = type.isAssignableTo(Collection.class) || type.isAssignableTo(Map.class);
    return (collection && !type.isInterface())
        || type.isAssignableTo(ThreadLocal.class)
        || type.isAssignableTo(StringBuilder.class)
        || type.getPackageName().startsWith("java.util.concurrent")
        || ownObjectThatChanges(type);
  }

  /** What objects inherit from the JDK is its affair: an enum constant caches its hash code. */
  private static boolean ownObjectThatChanges(JavaClass type) {
    return type.getAllFields().stream()
        .filter(field -> field.getOwner().getPackageName().startsWith("org.iommu4j"))
        .anyMatch(field -> !is(field, JavaModifier.FINAL) && !is(field, JavaModifier.STATIC));
  }

  /** A static list, set or map comes from a factory of unchangeable ones. */
  @Test
  void staticCollectionsAreUnchangeable() {
    assertThat(accesses(access -> inInitializer(access) && makesWhatChanges(access))).isEmpty();
  }

  private static boolean inInitializer(JavaAccess<?> access) {
    return access.getOrigin().getName().equals("<clinit>");
  }

  private static boolean makesWhatChanges(JavaAccess<?> access) {
    JavaClass owner = access.getTargetOwner();
    boolean made = access.getTarget().getName().equals("<init>");
    boolean collection = owner.isAssignableTo(Collection.class) || owner.isAssignableTo(Map.class);
    return (made && collection) || nameOf(access).startsWith("java.util.EnumSet.");
  }

  @Test
  void nothingLooksAtTheClock() {
    assertThat(uses(CLOCKS)).isEmpty();
  }

  @Test
  void nothingIsLeftToChance() {
    assertThat(uses(CHANCE)).isEmpty();
  }

  @Test
  void onlyTheSchedulerHasAThread() {
    assertThat(uses(THREADS)).isEmpty();
    assertThat(libraryAccesses(access -> isIn(access, "java.util.concurrent.Executors"))).isEmpty();
  }

  /** If names were compared wrongly, the tests above could not fail. */
  @Test
  void theSchedulerHasOne() {
    assertThat(classes.get(REAL_TIME).getAccessesFromSelf())
        .extracting(HabitsTest::nameOf)
        .contains("java.lang.Thread.<init>");
  }

  @Test
  void librariesDoNotPrint() {
    Set<String> streams = Set.of("java.lang.System.out", "java.lang.System.err");
    assertThat(uses(streams)).isEmpty();
  }

  @Test
  void everyPackageSaysWhatMayBeNull() {
    assertThat(classes.stream().map(JavaClass::getPackage).distinct())
        .filteredOn(room -> !room.isAnnotatedWith(NullMarked.class))
        .extracting(JavaPackage::getName)
        .isEmpty();
  }

  private List<JavaAccess<?>> uses(Set<String> names) {
    return libraryAccesses(access -> names.contains(nameOf(access)));
  }

  private List<JavaAccess<?>> libraryAccesses(Predicate<JavaAccess<?>> which) {
    return accesses(which.and(access -> isLibrary(access.getOriginOwner())));
  }

  private List<JavaAccess<?>> accesses(Predicate<JavaAccess<?>> which) {
    return classes.stream()
        .<JavaAccess<?>>flatMap(type -> type.getAccessesFromSelf().stream())
        .filter(which)
        .toList();
  }

  private static boolean isLibrary(JavaClass type) {
    return PROGRAMS.stream().noneMatch(type.getPackageName()::startsWith)
        && !type.getName().startsWith(REAL_TIME);
  }

  private static boolean isIn(JavaAccess<?> access, String type) {
    return access.getTargetOwner().getName().equals(type);
  }

  private static String nameOf(JavaAccess<?> access) {
    return access.getTargetOwner().getName() + "." + access.getTarget().getName();
  }
}
