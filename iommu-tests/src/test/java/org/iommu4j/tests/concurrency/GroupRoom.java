package org.iommu4j.tests.concurrency;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ParameterGenerator;
import org.jetbrains.lincheck.datastructures.RandomProvider;
import org.jetbrains.lincheck.datastructures.Validate;
import org.jspecify.annotations.Nullable;

/**
 * One group with two devices, as the threads of a history see it. Each operation answers with an
 * errno or with what it saw, and every history must have an order in which a single thread would
 * have been answered the same.
 *
 * <p>What belongs to the life of the second device (it leaves and joins) is done by one thread at a
 * time, as under a kernel's device lock; everything else goes on meanwhile.
 */
@Param(name = "request", gen = GroupRoom.Requests.class)
@Param(name = "device", gen = IntGen.class, conf = "0:1")
@Param(name = "owner", gen = IntGen.class, conf = "0:1")
public class GroupRoom {
  private final RoomDriver driver = new RoomDriver();
  private final IommuCore core =
      IommuCore.builder().scheduler((delay, task) -> () -> {}).build();
  private final PciDevice[] devices = {
    PciDevice.builder("0000:01:00.0").ats(true).build(),
    PciDevice.builder("0000:01:00.1").ats(true).build()
  };
  private final DmaOwner[] owners = {new DmaOwner("first"), new DmaOwner("second")};
  private final IommuGroup group;
  private final PagingDomain consumer;

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

  /** Two members on a strict default domain; a consumer's domain lies ready. */
  public GroupRoom() {
    core.register(driver);
    for (Device device : devices) {
      core.probeDevice(device);
    }
    group = core.deviceOf(devices[0]).orElseThrow().group();
    consumer = core.allocPagingDomain(devices[0]);
  }

  private static String outcome(Runnable operation) {
    try {
      operation.run();
      return "OK";
    } catch (IommuException refused) {
      return refused.errno().name();
    }
  }

  /** A write to the type file; DMA-FQ may be the live switch (CORE-200 to 230). */
  @Operation
  public String change(@Param(name = "request") DefaultDomainRequest request) {
    return outcome(() -> group.changeDefaultDomain(request));
  }

  /** CORE-310. */
  @Operation
  public String claim(@Param(name = "owner") int owner) {
    return outcome(() -> group.claimDmaOwner(owners[owner]));
  }

  /** CORE-312. */
  @Operation
  public String claimByDevice(
      @Param(name = "device") int device, @Param(name = "owner") int owner) {
    return outcome(() -> core.claimDmaOwner(devices[device], owners[owner]));
  }

  /** CORE-321. */
  @Operation
  public String release() {
    return outcome(group::releaseDmaOwner);
  }

  /** CORE-323. */
  @Operation
  public String releaseByDevice(@Param(name = "device") int device) {
    return outcome(() -> core.releaseDmaOwner(devices[device]));
  }

  /** CORE-069, 301. */
  @Operation
  public String bindStayer() {
    return outcome(() -> core.bindDriver(devices[0], false));
  }

  /** CORE-304. */
  @Operation
  public String unbindStayer() {
    return outcome(() -> core.unbindDriver(devices[0]));
  }

  /** CORE-402. */
  @Operation
  public String attach() {
    return outcome(() -> group.attach(consumer));
  }

  /** CORE-406. */
  @Operation
  public String detach() {
    return outcome(() -> group.detach(consumer));
  }

  /** CORE-900; a device that has left is not parked. */
  @Operation
  public String prepareStayer() {
    return outcome(() -> core.resetPrepare(devices[0]));
  }

  /** CORE-908. */
  @Operation
  public String doneStayer() {
    return outcome(() -> core.resetDone(devices[0]));
  }

  /** CORE-300: counted only if it is a member. */
  @Operation(nonParallelGroup = "life")
  public String bindGuest() {
    return outcome(() -> core.bindDriver(devices[1], false));
  }

  /** CORE-304. */
  @Operation(nonParallelGroup = "life")
  public String unbindGuest() {
    return outcome(() -> core.unbindDriver(devices[1]));
  }

  /** CORE-900. */
  @Operation(nonParallelGroup = "life")
  public String prepareGuest() {
    return outcome(() -> core.resetPrepare(devices[1]));
  }

  /** CORE-908. */
  @Operation(nonParallelGroup = "life")
  public String doneGuest() {
    return outcome(() -> core.resetDone(devices[1]));
  }

  /** CORE-601: out of the list and away from the driver in one section of the lock. */
  @Operation(nonParallelGroup = "life")
  public String leave() {
    return outcome(() -> core.releaseDevice(devices[1]));
  }

  /** A whole probe; what the group sees of it is one section of the lock (CORE-113). */
  @Operation(nonParallelGroup = "life")
  public String join() {
    return outcome(() -> core.probeDevice(devices[1]));
  }

  /** Everything that the lock guards, at one moment. */
  @Operation
  public String snapshot() {
    GroupSnapshot now = group.snapshot();
    StringBuilder text = new StringBuilder(now.typeText());
    text.append(" on ").append(type(now.currentDomain()));
    text.append(" of ").append(now.owner()).append(' ').append(now.ownerCount());
    text.append(" parked ").append(now.recoveryCount());
    for (GroupSnapshot.Member member : now.members()) {
      text.append(' ').append(member.device()).append(member.blocked() ? " parked" : "");
    }
    return text.toString();
  }

  /** Where the driver was told to point the members, at one moment. */
  @Operation
  public List<String> whereabouts() {
    List<String> all = new ArrayList<>();
    group.<Boolean>forEachDevice(
        device -> {
          all.add(device + " " + driver.whereabouts(device));
          return null;
        });
    return all;
  }

  private static String type(@Nullable Domain domain) {
    return domain == null ? "nothing" : domain.type().sysfsName();
  }

  /** When all is quiet: every member that is not parked points where the group is. */
  @Validate
  public void everybodyIsWhereTheGroupIs() {
    GroupSnapshot now = group.snapshot();
    for (GroupSnapshot.Member member : now.members()) {
      String expected = member.blocked() ? "blocked" : type(now.currentDomain());
      String actual = driver.whereabouts(member.device());
      boolean live = expected.equals("DMA-FQ") && actual.equals("DMA");
      if (!actual.equals(expected) && !live) {
        throw new IllegalStateException(member + " is on " + actual + " in " + snapshot());
      }
    }
    if (!core.lockContext().toString().equals("-")) {
      throw new IllegalStateException("left behind: " + core.lockContext());
    }
  }
}
