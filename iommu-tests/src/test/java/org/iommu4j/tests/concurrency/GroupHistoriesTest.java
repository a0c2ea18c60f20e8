package org.iommu4j.tests.concurrency;

import java.util.List;
import kotlin.jvm.functions.Function1;
import org.jetbrains.lincheck.datastructures.ManagedStrategyGuarantee;
import org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.util.LoggingLevel;
import org.junit.jupiter.api.Test;

/**
 * Histories of {@link GroupRooms} are linearizable (CORE-002, 204, 603). Scenarios come from
 * Lincheck's fixed seed; {@code iommu4j.tries} scales how many there are.
 */
class GroupHistoriesTest {
  /** How many tries the numbers below are meant for. */
  private static final int USUAL_TRIES = 1000;

  /** A stall of the machine is no deadlock: the model checker finds those by logic, not by time. */
  private static final long PATIENCE_MILLIS = 300_000;

  /**
   * What the group lock guards or what has locks of its own; the model checker does not switch
   * threads inside. It goes on switching around the locks, the state and the driver's callbacks.
   */
  private static final List<String> OPAQUE =
      List.of(
          "java.lang.String",
          "java.util.",
          "org.slf4j.",
          "org.iommu4j.api.Errno",
          "org.iommu4j.api.IommuException",
          "org.iommu4j.core.dma.",
          "org.iommu4j.core.trace.",
          "org.iommu4j.spi.DmaLayer");

  private static final List<String> TRANSPARENT =
      List.of("java.util.concurrent.atomic.", "java.util.concurrent.locks.", "java.util.function.");

  static int scaled(int iterations) {
    long tries = Integer.getInteger("iommu4j.tries", USUAL_TRIES);
    return (int) Math.max(1, iterations * tries / USUAL_TRIES);
  }

  static ManagedStrategyGuarantee opaque() {
    Function1<String, Boolean> chosen =
        name ->
            OPAQUE.stream().anyMatch(name::startsWith)
                && TRANSPARENT.stream().noneMatch(name::startsWith);
    return ManagedStrategyGuaranteeKt.forClasses(chosen).allMethods().ignore();
  }

  private static void modelCheck(Class<? extends GroupRoom> room) {
    new ModelCheckingOptions()
        .iterations(scaled(5))
        .invocationsPerIteration(60)
        .threads(2)
        .actorsPerThread(2)
        .actorsBefore(2)
        .actorsAfter(1)
        .addGuarantee(opaque())
        .invocationTimeout$lincheck(PATIENCE_MILLIS)
        .logLevel(LoggingLevel.ERROR)
        .check(room);
  }

  @Test
  void ownersAndTypeWritesHaveAnOrder() {
    modelCheck(GroupRooms.Owners.class);
  }

  @Test
  void guestsWhoLeaveAndJoinHaveAnOrder() {
    modelCheck(GroupRooms.Guests.class);
  }

  @Test
  void resetsHaveAnOrder() {
    modelCheck(GroupRooms.Resets.class);
  }

  @Test
  void threeThreadsAtFullSpeedHaveAnOrder() {
    new StressOptions()
        .iterations(scaled(40))
        .invocationsPerIteration(500)
        .threads(3)
        .actorsPerThread(3)
        .actorsBefore(2)
        .actorsAfter(2)
        .invocationTimeout$lincheck(PATIENCE_MILLIS)
        .logLevel(LoggingLevel.ERROR)
        .check(GroupRooms.Everything.class);
  }
}
