package org.iommu4j.tests.rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import org.iommu4j.tests.GeneratedPage;
import org.iommu4j.tests.Tables;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every rule is cited by a test, or there is a reason why not: exactly one of the two. */
final class RuleCoverageTest {
  private static final int RULES = 479;

  private final Map<String, String> rules = new LinkedHashMap<>();
  private final Map<String, String> reasons = new LinkedHashMap<>();
  private SortedMap<String, SortedSet<String>> citations;

  @BeforeEach
  void read() throws IOException {
    Tables.rows("/rules/core-rules.tsv", 3).forEach(row -> rules.put(row[0], row[2]));
    Tables.rows("/rules/not-cited.tsv", 2).forEach(row -> reasons.put(row[0], row[1]));
    citations = Citations.collect(GeneratedPage.projectRoot());
  }

  @Test
  void everyRuleIsCitedOrExcused() {
    assertThat(rules).hasSize(RULES);
    List<String> wrong =
        rules.keySet().stream()
            .filter(rule -> citations.containsKey(rule) == reasons.containsKey(rule))
            .toList();
    assertThat(wrong).as("rules neither cited nor excused, or both").isEmpty();
  }

  @Test
  void onlyRulesThatExistAreCitedAndExcused() {
    assertThat(rules.keySet()).containsAll(citations.keySet()).containsAll(reasons.keySet());
  }

  @Test
  void thePageIsUpToDate() throws IOException {
    GeneratedPage.check("RULES.md", RulesPage.write(rules, reasons, citations));
  }

  @Test
  void citationsAreFoundInLists() {
    assertThat(Citations.in("// CORE-7: first\n/* (CORE-136, 137 and 1001) 12 */"))
        .containsExactly("CORE-007", "CORE-1001", "CORE-136", "CORE-137");
  }
}
