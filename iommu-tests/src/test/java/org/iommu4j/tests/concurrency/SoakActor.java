package org.iommu4j.tests.concurrency;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.jspecify.annotations.Nullable;

/**
 * One thread of a soak. It does what its seed says, keeps books of what it holds, and throws as
 * soon as the core answers with an errno that the operation cannot have, or against its books.
 */
final class SoakActor implements Runnable {
  private static final long PAGE = 0x1000;
  private static final long RAM = 0x4000_0000;
  private static final int MOST_CLAIMS = 3;

  /** What actors do, and what they may be refused with while no attach fails. */
  enum Deed {
    TYPE_WRITE,
    CLAIM_GROUP,
    CLAIM_DEVICE,
    RELEASE,
    BIND,
    UNBIND,
    PLUG,
    UNPLUG,
    ATTACH,
    DMA,
    RESET,
    REGISTER,
    UNREGISTER,
    LOOK,
    PLAIN_GROUP;

    /** Which refusals others may cause by what they do meanwhile; any other one is a mistake. */
    boolean mayEndWith(Errno refusal) {
      return switch (this) {
        // A reset is busy; the last device may leave.
        case TYPE_WRITE ->
            switch (refusal) {
              case EPERM, EBUSY, EINVAL, ENODEV -> true;
              default -> false;
            };
        case CLAIM_GROUP, CLAIM_DEVICE -> refusal == Errno.EPERM || refusal == Errno.EBUSY;
        // A replay of the bus may have probed the device and not finished its group (CORE-301).
        case BIND -> refusal == Errno.EBUSY || refusal == Errno.EPROBE_DEFER;
        case ATTACH -> refusal == Errno.EBUSY;
        // The IOMMU is not there, or a replay of the bus was faster (CORE-103); the group may end.
        case PLUG, LOOK -> refusal == Errno.ENODEV;
        default -> false;
      };
    }
  }

  /** The deeds by how often they are done. */
  private static final List<Deed> PLAN =
      List.of(
          Deed.TYPE_WRITE,
          Deed.TYPE_WRITE,
          Deed.TYPE_WRITE,
          Deed.TYPE_WRITE,
          Deed.CLAIM_GROUP,
          Deed.CLAIM_DEVICE,
          Deed.CLAIM_DEVICE,
          Deed.RELEASE,
          Deed.RELEASE,
          Deed.RELEASE,
          Deed.RELEASE,
          Deed.BIND,
          Deed.BIND,
          Deed.UNBIND,
          Deed.UNBIND,
          Deed.UNBIND,
          Deed.PLUG,
          Deed.PLUG,
          Deed.UNPLUG,
          Deed.UNPLUG,
          Deed.ATTACH,
          Deed.ATTACH,
          Deed.DMA,
          Deed.DMA,
          Deed.RESET,
          Deed.RESET,
          Deed.REGISTER,
          Deed.UNREGISTER,
          Deed.LOOK,
          Deed.PLAIN_GROUP);

  private final SoakRig rig;
  private final IommuCore core;
  private final SplittableRandom random;
  private final DmaOwner owner;
  private final Device plain;

  /** Where the memory begins that only this actor maps. */
  private final long ram;

  private final SoakSchedule schedule;

  /** The claims this actor holds; only its own thread touches it until it has ended. */
  private final Map<SoakGroup, Integer> claims = new HashMap<>();

  /** Domains that could not be closed because a failed attach left a device on them. */
  private final List<PagingDomain> stuck = new ArrayList<>();

  private final Map<Deed, Long> done = new EnumMap<>(Deed.class);
  private final AtomicLong progress = new AtomicLong();
  private Deed now = Deed.LOOK;
  private volatile @Nullable Throwable failure;

  SoakActor(SoakRig rig, int number, long seed, SoakSchedule schedule) {
    this.rig = rig;
    this.core = rig.core;
    this.random = new SplittableRandom(seed * 31 + number);
    this.owner = new DmaOwner("actor-" + number);
    this.plain = PlatformDevice.builder("plain-" + number).build();
    this.ram = RAM * (1L + number);
    this.schedule = schedule;
  }

  // ---- what the test asks ----

  long progress() {
    return progress.get();
  }

  @Nullable Throwable failure() {
    return failure;
  }

  int claims(SoakGroup group) {
    return claims.getOrDefault(group, 0);
  }

  Map<Deed, Long> successes() {
    return done;
  }

  List<PagingDomain> stuck() {
    return stuck;
  }

  @Override
  public void run() {
    try {
      while (schedule.goesOn(progress.get())) {
        now = PLAN.get(random.nextInt(PLAN.size()));
        step();
        progress.incrementAndGet();
      }
    } catch (Throwable broken) {
      failure = new AssertionError(owner + " in step " + progress.get() + ", " + now, broken);
      schedule.stop();
    }
  }

  /** Gives back all claims; called after the storm. */
  void giveBack() {
    for (Map.Entry<SoakGroup, Integer> claim : claims.entrySet()) {
      if (claim.getValue() > 0) {
        rig.anchoredGroup(claim.getKey()).releaseDmaOwner();
        claim.setValue(0);
      }
    }
  }

  // ---- one step ----

  private void step() {
    switch (now) {
      case TYPE_WRITE -> typeWrite(any(rig.groups));
      case CLAIM_GROUP -> claimGroup(any(rig.anchored));
      case CLAIM_DEVICE -> claimDevice(any(rig.anchored));
      case RELEASE -> release(any(rig.anchored));
      case ATTACH -> attach(any(rig.anchored));
      case LOOK -> look(any(rig.groups));
      case PLAIN_GROUP -> plainGroup();
      case REGISTER, UNREGISTER -> withSecond();
      case BIND, UNBIND, PLUG, UNPLUG, DMA, RESET -> withSlot(any(rig.slots));
    }
  }

  private <T> T any(List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  /** Does something and returns null, or the errno it was refused with, if it may have that one. */
  private @Nullable Errno attempt(Runnable action) {
    try {
      action.run();
    } catch (IommuException refused) {
      boolean injected = rig.faults.possible() && SoakFaults.REFUSALS.contains(refused.errno());
      if (!injected && !now.mayEndWith(refused.errno())) {
        throw refused;
      }
      return refused.errno();
    }
    done.merge(now, 1L, Long::sum);
    return null;
  }

  private static void require(boolean holds, String format, @Nullable Object... operands) {
    if (!holds) {
      throw new AssertionError(String.format(format, operands));
    }
  }

  // ---- groups ----

  private void typeWrite(SoakGroup members) {
    DefaultDomainRequest request = any(List.of(DefaultDomainRequest.values()));
    Optional<IommuGroup> found = rig.find(members);
    if (found.isEmpty()) {
      return;
    }
    IommuGroup group = found.get();
    try {
      Errno refusal = attempt(() -> group.changeDefaultDomain(request));
      require(
          refusal != null || claims(members) == 0 || request == DefaultDomainRequest.DMA_FQ,
          "%s changed to %s though %s owns it",
          members,
          request,
          owner);
    } finally {
      group.put();
    }
  }

  private void claimGroup(SoakGroup members) {
    Errno refusal = attempt(() -> rig.anchoredGroup(members).claimDmaOwner(owner));
    if (refusal == null) {
      require(claims(members) == 0, "%s claimed %s twice as a group", owner, members);
      claims.put(members, 1);
    } else {
      require(claims(members) == 0 || refusal == Errno.EPERM, "second claim: %s", refusal);
    }
  }

  private void claimDevice(SoakGroup members) {
    int mine = claims(members);
    if (mine == MOST_CLAIMS) {
      return;
    }
    Errno refusal = attempt(() -> core.claimDmaOwner(members.anchor(), owner));
    require(mine == 0 || refusal == null, "%s claims %s once more: %s", owner, members, refusal);
    if (refusal == null) {
      claims.put(members, mine + 1);
    }
  }

  private void release(SoakGroup members) {
    int mine = claims(members);
    if (mine == 0) {
      return;
    }
    GroupSnapshot before = rig.anchoredGroup(members).snapshot();
    require(
        before.owner() == owner && before.ownerCount() == mine,
        "%s has %d claims, but the group has %s",
        owner,
        mine,
        before);
    if (mine == 1 || random.nextBoolean()) {
      attempt(() -> rig.anchoredGroup(members).releaseDmaOwner());
      claims.put(members, 0);
    } else {
      attempt(() -> core.releaseDmaOwner(members.anchor()));
      claims.put(members, mine - 1);
    }
  }

  private void attach(SoakGroup members) {
    PagingDomain domain = core.allocPagingDomain(members.anchor());
    IommuGroup group = rig.anchoredGroup(members);
    Errno refusal = attempt(() -> group.attach(domain));
    mapAndUnmap(domain);
    if (refusal == null) {
      group.detach(domain);
    }
    try {
      domain.close();
    } catch (IommuException stays) {
      if (stays.errno() != Errno.EBUSY || !rig.faults.possible()) {
        throw stays;
      }
      stuck.add(domain);
    }
  }

  private void mapAndUnmap(PagingDomain domain) {
    long pages = 1L + random.nextInt(8);
    long iova = PAGE * (1L + random.nextInt(1024));
    domain.map(iova, RAM, pages * PAGE, Prot.RW);
    long inside = random.nextLong(pages * PAGE);
    require(domain.iovaToPhys(iova + inside) == RAM + inside, "0x%x is lost", iova + inside);
    require(domain.unmap(iova, pages * PAGE) == pages * PAGE, "0x%x stays in part", iova);
    require(domain.iovaToPhys(iova) == 0, "0x%x is still mapped", iova);
  }

  private void look(SoakGroup members) {
    require(!core.dump().isEmpty(), "an empty dump");
    Optional<IommuGroup> found = rig.find(members);
    if (found.isEmpty()) {
      return;
    }
    IommuGroup group = found.get();
    try {
      attempt(() -> consistent(group.snapshot()));
      attempt(
          () ->
              group.<Boolean>forEachDevice(
                  device -> {
                    require(core.lockContext().group(), "%s is shown without lock", device);
                    return null;
                  }));
      var unused = core.deviceOf(members.anchor()).map(device -> device.domain());
    } finally {
      group.put();
    }
  }

  /**
   * What must hold of a group at every moment at which its lock is free. Members without a domain
   * are none of it: they are there between the two passes of a replay (CORE-064).
   */
  private static void consistent(GroupSnapshot seen) {
    Domain normal = seen.defaultDomain();
    Domain current = seen.currentDomain();
    require((normal == null) == (current == null), "half set up: %s", seen);
    require(seen.owner() == null || seen.ownerCount() > 0, "an owner without claim: %s", seen);
    require(seen.references() > seen.members().size(), "too few references: %s", seen);
    long parked = seen.members().stream().filter(GroupSnapshot.Member::blocked).count();
    require(parked == seen.recoveryCount(), "%d are parked in %s", parked, seen);
  }

  private void plainGroup() {
    attempt(
        () -> {
          IommuGroup group = core.allocGroup();
          core.addToGroup(group, plain);
          group.put();
          GroupSnapshot seen = group.snapshot();
          require(seen.references() == 1 && seen.members().size() == 1, "unlike one: %s", seen);
          core.removeFromGroup(plain);
          require(core.group(plain).isEmpty(), "%s does not leave", plain);
        });
  }

  // ---- devices ----

  private void withSlot(SoakSlot slot) {
    if (!slot.lock.tryLock()) {
      return;
    }
    try {
      boolean served = slot.plugged && slot.refusal == null;
      boolean bound = slot.counted || slot.managing;
      switch (now) {
        case PLUG -> {
          if (!slot.plugged) {
            plug(slot);
          }
        }
        case UNPLUG -> {
          if (slot.plugged && !slot.isAnchor()) {
            unplug(slot);
          }
        }
        case BIND -> {
          if (served && !bound) {
            bind(slot);
          }
        }
        case UNBIND -> {
          if (bound) {
            unbind(slot);
          }
        }
        case DMA -> {
          if (slot.counted) {
            dma(slot);
          }
        }
        default -> {
          if (served) {
            reset(slot);
          }
        }
      }
    } finally {
      slot.lock.unlock();
    }
  }

  @GuardedBy("slot.lock")
  private void plug(SoakSlot slot) {
    slot.plugged = true;
    attempt(
        () -> {
          ProbeOutcome outcome = core.addDevice(slot.device);
          if (outcome.failure() != null) {
            throw outcome.failure();
          }
        });
    note(slot);
  }

  /** Refused or served: the core's answer, which a replay of the bus may have changed. */
  @GuardedBy("slot.lock")
  private void note(SoakSlot slot) {
    slot.refusal =
        core.deviceOf(slot.device).isPresent()
            ? null
            : new IommuException(Errno.ENODEV, slot.device + " is not served");
  }

  @GuardedBy("slot.lock")
  private void unplug(SoakSlot slot) {
    attempt(() -> core.removeDevice(slot.device));
    slot.plugged = false;
    slot.counted = false;
    slot.managing = false;
    slot.refusal = null;
    require(core.deviceOf(slot.device).isEmpty(), "%s is still served", slot.device);
  }

  @GuardedBy("slot.lock")
  private void bind(SoakSlot slot) {
    boolean managing = random.nextInt(4) == 0;
    if (attempt(() -> core.bindDriver(slot.device, managing)) == null) {
      slot.managing = managing;
      slot.counted = !managing;
    }
  }

  @GuardedBy("slot.lock")
  private void unbind(SoakSlot slot) {
    attempt(() -> core.unbindDriver(slot.device));
    slot.managing = false;
    slot.counted = false;
  }

  /** The bound driver keeps the default domain where it is, but a live switch may happen. */
  @GuardedBy("slot.lock")
  private void dma(SoakSlot slot) {
    Domain domain = core.deviceOf(slot.device).orElseThrow().group().defaultDomain();
    if (domain == null || !domain.isDma()) {
      return;
    }
    attempt(
        () -> {
          DmaMapper mapper = core.dmaMapper(slot.device);
          long size = PAGE * (1L + random.nextInt(4));
          long first = mapper.map(ram, size, Prot.RW);
          long other = mapper.map(ram, PAGE, Prot.RW);
          require(domain.iovaToPhys(first) == ram, "0x%x is lost", first);
          mapper.unmap(first, size);
          require(domain.iovaToPhys(other) == ram, "0x%x is lost", other);
          mapper.unmap(other, PAGE);
          // Another actor may have been given the address by now, but never for this one's memory.
          require(domain.iovaToPhys(other) != ram, "0x%x is still mapped", other);
        });
    Domain after = core.deviceOf(slot.device).orElseThrow().group().defaultDomain();
    require(after == domain, "%s lost %s for %s under a driver", slot.group, domain, after);
  }

  @GuardedBy("slot.lock")
  private void reset(SoakSlot slot) {
    if (attempt(() -> core.resetPrepare(slot.device)) == null) {
      for (int wait = random.nextInt(4); wait > 0; wait--) {
        Thread.yield();
      }
      core.resetDone(slot.device);
    }
  }

  // ---- the second IOMMU ----

  /** Nobody touches its devices meanwhile, but their groups, and all other devices. */
  private void withSecond() {
    if (!rig.secondLock.tryLock()) {
      return;
    }
    List<SoakSlot> held = new ArrayList<>();
    try {
      for (SoakSlot slot : rig.secondSlots) {
        if (!slot.lock.tryLock()) {
          return;
        }
        held.add(slot);
      }
      boolean registered = core.instances().contains(rig.second);
      if (registered && now == Deed.UNREGISTER) {
        rig.secondSlots.forEach(this::unbindForUnregister);
        attempt(() -> core.unregister(rig.second));
        rig.secondSlots.forEach(this::noteAfterReplay);
      } else if (!registered && now == Deed.REGISTER) {
        attempt(() -> core.register(rig.second));
        rig.secondSlots.forEach(this::noteAfterReplay);
      }
    } finally {
      held.forEach(slot -> slot.lock.unlock());
      rig.secondLock.unlock();
    }
  }

  /** All slot locks are held, which the compiler cannot see. */
  @SuppressWarnings("GuardedBy")
  private void unbindForUnregister(SoakSlot slot) {
    if (slot.counted || slot.managing) {
      core.unbindDriver(slot.device);
      slot.counted = false;
      slot.managing = false;
    }
  }

  /** All slot locks are held, which the compiler cannot see. */
  @SuppressWarnings("GuardedBy")
  private void noteAfterReplay(SoakSlot slot) {
    if (slot.plugged) {
      note(slot);
    }
  }
}
