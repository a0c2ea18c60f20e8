package org.iommu4j.tests.concurrency;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.iommu4j.api.DefaultDomainRequest;
import org.jetbrains.kotlinx.lincheck.Actor;
import org.jetbrains.kotlinx.lincheck.execution.ExecutionScenario;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.util.LoggingLevel;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Pairs of operations between which the kernel has had, or could have, a race. Each pair is stepped
 * through the core's lock points in many ways, from the state that the first words describe; {@link
 * GroupHistoriesTest} looks at random ones.
 */
final class DangerousPairsTest {
  private static final int WAYS = 80;

  private static final long PATIENCE_MILLIS = 300_000;

  /** Written as "before : left | right"; a snapshot comes last. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        // CORE-300, CORE-310: counted and claimed exclude each other
        ": bindStayer | claim 0",
        ": bindStayer | claimByDevice 0 0",
        ": claim 0 | claim 1",
        "claim 0 : release | claim 1",
        "claimByDevice 0 0 : releaseByDevice 0 | claimByDevice 1 0",
        "claim 0 : release | bindStayer",
        "bindStayer : unbindStayer | claim 0",
        // CORE-204, CORE-210: nobody begins to use the group while its type changes
        ": change IDENTITY | bindStayer",
        ": change IDENTITY | claim 0",
        ": change IDENTITY | attach",
        ": change DMA_FQ | change IDENTITY",
        "bindStayer : change DMA_FQ | unbindStayer",
        "claim 0 : change DMA_FQ | release",
        // CORE-601, CORE-603: a member leaves in one step
        ": change IDENTITY | leave",
        ": claim 0 | leave",
        ": attach | leave",
        "attach : detach | leave",
        "leave : change IDENTITY | join",
        "leave : claim 0 | join",
        "leave : attach | join",
        // CORE-900: a parked member goes nowhere
        ": prepareStayer | change IDENTITY",
        ": prepareStayer | attach",
        ": prepareStayer | leave",
        "prepareStayer : doneStayer | change IDENTITY",
        "prepareGuest : doneStayer | leave"
      })
  void haveAnOrder(String pair) {
    String[] parts = pair.split("[:|]", -1);
    ExecutionScenario scenario =
        new ExecutionScenario(
            calls(parts[0]),
            List.of(calls(parts[1]), calls(parts[2])),
            calls("snapshot"),
            new Actor(method("everybodyIsWhereTheGroupIs"), List.of()));
    new ModelCheckingOptions()
        .iterations(0)
        .addCustomScenario(scenario)
        .invocationsPerIteration(GroupHistoriesTest.scaled(WAYS))
        .addGuarantee(GroupHistoriesTest.opaque())
        .invocationTimeout$lincheck(PATIENCE_MILLIS)
        .logLevel(LoggingLevel.ERROR)
        .check(GroupRooms.Everything.class);
  }

  private static List<Actor> calls(String text) {
    List<Actor> calls = new ArrayList<>();
    if (!text.isBlank()) {
      String[] words = text.trim().split(" ");
      Method method = method(words[0]);
      List<Object> arguments = new ArrayList<>();
      for (int i = 1; i < words.length; i++) {
        arguments.add(
            method.getParameterTypes()[i - 1] == int.class
                ? Integer.valueOf(words[i])
                : DefaultDomainRequest.valueOf(words[i]));
      }
      calls.add(new Actor(method, arguments));
    }
    return calls;
  }

  private static Method method(String name) {
    return Arrays.stream(GroupRooms.Everything.class.getMethods())
        .filter(method -> method.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }
}
