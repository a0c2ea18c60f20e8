package org.iommu4j.tests.concurrency;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.Domain;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.jetbrains.lincheck.datastructures.ParameterGenerator;
import org.jetbrains.lincheck.datastructures.RandomProvider;
import org.jetbrains.lincheck.datastructures.Validate;
import org.jspecify.annotations.Nullable;

/**
 * One group with two devices, as the threads of a history see it. Each operation answers with an
 * errno or with what it saw, and every history must have an order in which a single thread would
 * have been answered the same.
 *
 * <p>The subclasses choose operations. What belongs to the life of the second device, the guest
 * that leaves and joins, they leave to one thread at a time, as under a kernel's device lock;
 * everything else goes on meanwhile.
 */
public abstract class GroupRoom {
  private static final int STAYER = 0;
  private static final int GUEST = 1;

  private final Room here = new Room();

  /** Furnishes the room; a subclass is made for each invocation. */
  protected GroupRoom() {}

  /** The four kinds of change, from Lincheck's own seeded random numbers. */
  public static final class Requests implements ParameterGenerator<DefaultDomainRequest> {
    private final Random random;

    /** Called by Lincheck. */
    public Requests(RandomProvider provider, String configuration) {
      random = provider.createRandom();
    }

    @Override
    public DefaultDomainRequest generate() {
      DefaultDomainRequest[] all = DefaultDomainRequest.values();
      return all[random.nextInt(all.length)];
    }
  }

  private String outcome(Consumer<Room> operation) {
    try {
      operation.accept(here);
      return "OK";
    } catch (IommuException refused) {
      return refused.errno().name();
    }
  }

  /** A write to the type file; DMA-FQ may be the live switch (CORE-200 to 230). */
  public String change(DefaultDomainRequest request) {
    return outcome(room -> room.group.changeDefaultDomain(request));
  }

  /** CORE-310. */
  public String claim(int owner) {
    return outcome(room -> room.group.claimDmaOwner(room.owners.get(owner)));
  }

  /** CORE-312. */
  public String claimByDevice(int device, int owner) {
    return outcome(
        room -> room.core.claimDmaOwner(room.devices.get(device), room.owners.get(owner)));
  }

  /** CORE-321. */
  public String release() {
    return outcome(room -> room.group.releaseDmaOwner());
  }

  /** CORE-323. */
  public String releaseByDevice(int device) {
    return outcome(room -> room.core.releaseDmaOwner(room.devices.get(device)));
  }

  /** CORE-301. */
  public String bindStayer() {
    return outcome(room -> room.core.bindDriver(room.devices.get(STAYER), false));
  }

  /** CORE-304. */
  public String unbindStayer() {
    return outcome(room -> room.core.unbindDriver(room.devices.get(STAYER)));
  }

  /** CORE-402. */
  public String attach() {
    return outcome(room -> room.group.attach(room.consumer));
  }

  /** CORE-406. */
  public String detach() {
    return outcome(room -> room.group.detach(room.consumer));
  }

  /** CORE-900. */
  public String prepareStayer() {
    return outcome(room -> room.core.resetPrepare(room.devices.get(STAYER)));
  }

  /** CORE-908. */
  public String doneStayer() {
    return outcome(room -> room.core.resetDone(room.devices.get(STAYER)));
  }

  /** CORE-300: counted only if it is a member. */
  public String bindGuest() {
    return outcome(room -> room.core.bindDriver(room.devices.get(GUEST), false));
  }

  /** CORE-304. */
  public String unbindGuest() {
    return outcome(room -> room.core.unbindDriver(room.devices.get(GUEST)));
  }

  /** CORE-900. */
  public String prepareGuest() {
    return outcome(room -> room.core.resetPrepare(room.devices.get(GUEST)));
  }

  /** CORE-908. */
  public String doneGuest() {
    return outcome(room -> room.core.resetDone(room.devices.get(GUEST)));
  }

  /** CORE-601: off the list and away from the driver in one section of the lock. */
  public String leave() {
    return outcome(room -> room.core.releaseDevice(room.devices.get(GUEST)));
  }

  /** A whole probe, of which the group sees one section of its lock (CORE-113). */
  public String join() {
    return outcome(room -> room.core.probeDevice(room.devices.get(GUEST)));
  }

  /** What the lock guards, at one moment. */
  public String snapshot() {
    return text(here.group.snapshot());
  }

  private static String text(GroupSnapshot now) {
    StringBuilder text = new StringBuilder(now.typeText());
    text.append(" on ").append(type(now.currentDomain()));
    text.append(" of ").append(now.owner()).append(' ').append(now.ownerCount());
    text.append(" parked ").append(now.recoveryCount());
    for (GroupSnapshot.Member member : now.members()) {
      text.append(' ').append(member.device()).append(member.blocked() ? " parked" : "");
    }
    return text.toString();
  }

  private static String type(@Nullable Domain domain) {
    return domain == null ? "nothing" : domain.type().sysfsName();
  }

  /** Where the driver was told to point the members, at one moment. */
  public String whereabouts() {
    List<String> all = new ArrayList<>();
    here.group.<Boolean>forEachDevice(
        device -> {
          all.add(device + " " + here.driver.whereabouts(device));
          return null;
        });
    return all.toString();
  }

  /** When all is quiet, every member points where the group is, or is parked. */
  @Validate
  public void everybodyIsWhereTheGroupIs() {
    GroupSnapshot now = here.group.snapshot();
    String common = RoomDriver.place(now.currentDomain());
    for (GroupSnapshot.Member member : now.members()) {
      String expected = member.blocked() ? "blocked" : common;
      String actual = here.driver.whereabouts(member.device());
      if (!actual.equals(expected)) {
        throw new IllegalStateException(
            member.device() + " is on " + actual + ", but group is " + text(now));
      }
    }
    if (!here.core.lockContext().toString().equals("-")) {
      throw new IllegalStateException("left behind: " + here.core.lockContext());
    }
  }
}
