package org.iommu4j.tests.parity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import org.iommu4j.tests.GeneratedPage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Every declared name of the kernel is mirrored, out of scope or not yet there: exactly one of the
 * three. With {@code -Diommu4j.regenerate=true} the page is written instead of compared.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // the classes are read once
final class ParityTest {
  /** Fewer would mean that a table or the classes were not found. */
  private static final int FEWEST_NAMES = 570;

  private static final int FEWEST_MIRRORED = 265;

  private final ParityTables tables = ParityTables.read();
  private final SortedMap<String, SortedSet<String>> mirrored = MirroredNames.collect();

  @Test
  void looksAtAllNames() {
    assertThat(tables.names()).hasSizeGreaterThanOrEqualTo(FEWEST_NAMES);
    assertThat(mirrored).hasSizeGreaterThanOrEqualTo(FEWEST_MIRRORED);
  }

  @Test
  void everyNameHasExactlyOnePlace() {
    List<String> wrong = new ArrayList<>();
    for (String name : tables.names().keySet()) {
      List<String> places = placesOf(name);
      if (places.size() != 1) {
        wrong.add(name + ": " + places);
      }
    }
    assertThat(wrong).as("names with no place or several").isEmpty();
  }

  private List<String> placesOf(String name) {
    List<String> places = new ArrayList<>();
    if (mirrored.containsKey(name)) {
      places.add("mirrored by " + mirrored.get(name));
    }
    if (tables.outOfScope().containsKey(name)) {
      places.add("out of scope");
    }
    if (tables.notYet().containsKey(name)) {
      places.add("not yet");
    }
    return places;
  }

  @Test
  void everyMirroredNameIsKnown() {
    assertThat(unknown(mirrored.keySet(), tables.extra().keySet()))
        .as("names in @Mirrors that stand in no table")
        .isEmpty();
  }

  @Test
  void decisionsAreAboutKnownNames() {
    assertThat(unknown(tables.outOfScope().keySet(), Set.of())).as("out-of-scope.tsv").isEmpty();
    assertThat(unknown(tables.notYet().keySet(), Set.of())).as("not-yet.tsv").isEmpty();
  }

  @Test
  void extrasAreMirroredAndInNoOtherTable() {
    assertThat(tables.extra().keySet()).isSubsetOf(mirrored.keySet());
    assertThat(tables.extra().keySet()).doesNotContainAnyElementsOf(tables.names().keySet());
  }

  private List<String> unknown(Set<String> candidates, Set<String> alsoKnown) {
    return candidates.stream()
        .filter(name -> !tables.names().containsKey(name) && !alsoKnown.contains(name))
        .toList();
  }

  @Test
  void thePageIsUpToDate() throws IOException {
    GeneratedPage.check("PARITY.md", ParityPage.write(tables, mirrored));
  }
}
