package org.iommu4j.tests.concurrency;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Violation;
import org.iommu4j.testkit.IommuInvariants;
import org.junit.jupiter.api.Test;

/**
 * Threads do everything at once to one core, and afterwards every book must balance: the actors',
 * the driver's and the core's. {@code iommu4j.soakSeconds} says for how long.
 */
class SoakTest {
  private static final int ACTORS = 6;
  private static final Duration WITHOUT_PROGRESS = Duration.ofSeconds(30);
  private static final long SEED = Long.getLong("iommu4j.seed", 20230217);
  private static final long SECONDS = Long.getLong("iommu4j.soakSeconds", 10);

  /** Linux warns if a driver refuses what must not fail; failing attaches provoke just that. */
  private static final String[] PROVOKED = {
    "first-attach-failed", "restore-core-domain-failed", "rollback-failed", "reattach-failed"
  };

  @Test
  void aStormLeavesEverythingInOrder() {
    SoakRig rig = new SoakRig(new SoakFaults(SEED, 0));
    List<SoakActor> actors = storm(rig, Duration.ofSeconds(SECONDS));
    everyDeedWasDone(actors);
    booksBalance(rig, actors);
    everybodyIsWhereTheirGroupIs(rig);
    IommuInvariants.check(rig.core);
    actors.forEach(SoakActor::giveBack);
    shutDown(rig);
    assertThat(rig.core.violations()).isEmpty();
    assertThat(complaints(rig)).isEmpty();
  }

  @Test
  void aStormOfFailingAttachesLosesNothing() {
    SoakRig rig = new SoakRig(new SoakFaults(SEED, 9));
    rig.faults.activate(true);
    List<SoakActor> actors = storm(rig, Duration.ofMillis(SECONDS * 400));
    everyDeedWasDone(actors);
    assertThat(rig.faults.injected()).isPositive();
    booksBalance(rig, actors);
    IommuInvariants.check(rig.core, PROVOKED);
    rig.faults.activate(false);
    actors.forEach(SoakActor::giveBack);
    freeStuckDomains(rig, actors);
    shutDown(rig);
    Set<String> tokens =
        rig.core.violations().stream().map(Violation::token).collect(Collectors.toSet());
    assertThat(PROVOKED).containsAll(tokens);
    assertThat(complaints(rig)).isEmpty();
  }

  // ---- running ----

  private static List<SoakActor> storm(SoakRig rig, Duration length) {
    SoakSchedule schedule = new SoakSchedule(length);
    CountDownLatch ended = new CountDownLatch(ACTORS);
    List<SoakActor> actors = new ArrayList<>();
    for (int number = 0; number < ACTORS; number++) {
      SoakActor actor = new SoakActor(rig, number, SEED, schedule);
      actors.add(actor);
      Thread thread =
          new Thread(
              () -> {
                actor.run();
                ended.countDown();
              },
              "soak-" + number);
      thread.setDaemon(true);
      thread.start();
    }
    watch(actors, ended);
    for (SoakActor actor : actors) {
      Throwable failure = actor.failure();
      if (failure != null) {
        throw new AssertionError(
            story(failure) + "\nseed " + SEED + '\n' + rig.core.dump(), failure);
      }
    }
    return actors;
  }

  /** Reports of a build often show the message only, so that it names every cause. */
  private static String story(Throwable failure) {
    StringBuilder text = new StringBuilder();
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      text.append('\n').append(cause).append("\n    at ").append(cause.getStackTrace()[0]);
    }
    return text.toString();
  }

  /** Waits for the actors; a storm that stands still is a deadlock. */
  private static void watch(List<SoakActor> actors, CountDownLatch ended) {
    long[] seen = new long[ACTORS];
    long[] since = new long[ACTORS];
    Arrays.fill(since, System.nanoTime());
    try {
      while (!ended.await(1, TimeUnit.SECONDS)) {
        boolean moved = false;
        for (int number = 0; number < ACTORS; number++) {
          long steps = actors.get(number).progress();
          if (steps != seen[number]) {
            seen[number] = steps;
            since[number] = System.nanoTime();
          }
          moved |= System.nanoTime() - since[number] < WITHOUT_PROGRESS.toNanos();
        }
        if (!moved) {
          throw new AssertionError("no step for " + WITHOUT_PROGRESS + ", seed " + SEED + stacks());
        }
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted" + stacks(), interrupted);
    }
  }

  private static String stacks() {
    StringBuilder text = new StringBuilder();
    Thread.getAllStackTraces()
        .forEach(
            (thread, stack) -> {
              text.append("\n\n").append(thread).append(' ').append(thread.getState());
              for (StackTraceElement frame : stack) {
                text.append("\n    at ").append(frame);
              }
            });
    return text.toString();
  }

  // ---- checking ----

  /** A storm that never did something has not tested it. */
  private static void everyDeedWasDone(List<SoakActor> actors) {
    Map<SoakActor.Deed, Long> done = new EnumMap<>(SoakActor.Deed.class);
    for (SoakActor actor : actors) {
      actor.successes().forEach((deed, times) -> done.merge(deed, times, Long::sum));
    }
    assertThat(done).containsOnlyKeys(SoakActor.Deed.values());
  }

  private static List<String> complaints(SoakRig rig) {
    List<String> all = new ArrayList<>(rig.main.complaints());
    all.addAll(rig.second.complaints());
    return all;
  }

  /** Counts, members and references are what the actors wrote down. */
  private static void booksBalance(SoakRig rig, List<SoakActor> actors) {
    for (SoakGroup group : rig.groups) {
      Set<String> expected = new TreeSet<>();
      int users = 0;
      for (SoakSlot slot : rig.slots) {
        if (slot.group.equals(group)) {
          users += isCounted(slot) ? 1 : 0;
          if (isServed(rig, slot)) {
            expected.add(slot.device.name());
          }
        }
      }
      int claims = actors.stream().mapToInt(actor -> actor.claims(group)).sum();
      balance(rig, group, expected, users, claims);
    }
  }

  private static boolean isCounted(SoakSlot slot) {
    slot.lock.lock();
    try {
      return slot.counted;
    } finally {
      slot.lock.unlock();
    }
  }

  /**
   * A device that is plugged in is a member, or there is a reason why it is not. One that was
   * refused may have been served by a later replay of its bus.
   */
  private static boolean isServed(SoakRig rig, SoakSlot slot) {
    slot.lock.lock();
    try {
      boolean served = rig.core.deviceOf(slot.device).isPresent();
      return slot.plugged && (slot.refusal == null || served);
    } finally {
      slot.lock.unlock();
    }
  }

  private static void balance(
      SoakRig rig, SoakGroup group, Set<String> expected, int users, int claims) {
    Optional<IommuGroup> found = rig.find(group);
    assertThat(found.isPresent()).as("%s exists", group).isEqualTo(!expected.isEmpty());
    if (found.isEmpty()) {
      return;
    }
    GroupSnapshot now = found.get().snapshot();
    found.get().put();
    assertThat(now.members().stream().map(member -> member.device().name()).toList())
        .as("members of %s", group)
        .containsExactlyInAnyOrderElementsOf(expected);
    assertThat(now.ownerCount()).as("users of %s", group).isEqualTo(users + claims);
    assertThat(users == 0 || claims == 0).as("users or claims of %s", group).isTrue();
    assertThat(now.owner() != null).as("an owner of %s", group).isEqualTo(claims > 0);
    assertThat(now.references())
        .as("references of %s besides the one of this look", group)
        .isEqualTo(now.members().size() + 1);
    assertThat(now.recoveryCount()).as("parked in %s", group).isZero();
    assertThat(now.pasids()).isEmpty();
  }

  private static void everybodyIsWhereTheirGroupIs(SoakRig rig) {
    for (SoakGroup group : rig.groups) {
      for (Device device : group.devices()) {
        Optional<DevIommu> served = rig.core.deviceOf(device);
        if (served.isPresent()) {
          assertThat(rig.iommuOf(group).place(served.get()))
              .as("where %s points", device)
              .isSameAs(served.get().group().snapshot().currentDomain());
        }
      }
    }
  }

  /** A device that a failed attach left behind follows the next change of its group. */
  private static void freeStuckDomains(SoakRig rig, List<SoakActor> actors) {
    DmaOwner sweeper = new DmaOwner("sweeper");
    rig.slots.forEach(slot -> rig.core.unbindDriver(slot.device));
    for (SoakGroup group : rig.anchored) {
      IommuGroup real = rig.anchoredGroup(group);
      real.claimDmaOwner(sweeper);
      real.releaseDmaOwner();
    }
    actors.forEach(actor -> actor.stuck().forEach(PagingDomain::close));
  }

  /** Without devices there are no groups, and drivers have everything back. */
  private static void shutDown(SoakRig rig) {
    for (SoakSlot slot : rig.slots) {
      unplug(rig, slot);
    }
    assertThat(rig.core.groups()).isEmpty();
    for (SoakIommu iommu : List.of(rig.main, rig.second)) {
      assertThat(iommu.probedDevices()).isZero();
      assertThat(iommu.livingDomains()).isZero();
    }
    rig.core.close();
  }

  private static void unplug(SoakRig rig, SoakSlot slot) {
    slot.lock.lock();
    try {
      if (slot.plugged) {
        rig.core.removeDevice(slot.device);
      }
      assertThat(rig.core.group(slot.device)).as("group of %s", slot.device).isEmpty();
    } finally {
      slot.lock.unlock();
    }
  }
}
