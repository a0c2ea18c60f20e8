package org.iommu4j.core.group;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Attachment;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DmaOwnership;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.lock.GroupLock;
import org.iommu4j.core.resv.ResvList;
import org.iommu4j.core.trace.CoreTrace;
import org.jspecify.annotations.Nullable;

/**
 * A group: its state, its lock, and the operations on it.
 *
 * <p>The state is here; what is done with it stands in the classes of this package, each of which
 * takes the group and declares the lock it needs. Every public operation takes the lock once, does
 * one thing, and reports failure by exception only after the state is consistent.
 */
public final class GroupImpl implements IommuGroup {
  final GroupServices services;
  final GroupLock lock;
  final PasidTable pasids = new PasidTable();

  @GuardedBy("lock")
  final MemberList members = new MemberList();

  @GuardedBy("lock")
  @Nullable CoreDomain current;

  @GuardedBy("lock")
  @Nullable CoreDomain blocking;

  @GuardedBy("lock")
  Ownership ownership = Ownership.idle();

  @GuardedBy("lock")
  int recoveryCount;

  /** Written under the lock; read without it where the kernel does (CORE-031). */
  volatile @Nullable CoreDomain defaultDomain;

  private final GroupTable table;
  final int id;
  private final GroupReferences references = new GroupReferences();

  /** Queued during a bus replay until its default domain is set up (CORE-035). */
  @GuardedBy("lock")
  boolean queued;

  /** Counts changes of the current domain, so that a scoped attachment knows whether it stands. */
  @GuardedBy("lock")
  long domainGeneration;

  @GuardedBy("lock")
  String lastDomainChange = "";

  /** Counts ends of ownership, so that a scoped claim knows whether it stands. */
  @GuardedBy("lock")
  long ownershipGeneration;

  @GuardedBy("lock")
  String lastOwnershipEnd = "";

  /** The names in the group's {@code devices} directory. */
  private final Set<String> linkNames = ConcurrentHashMap.newKeySet();

  private volatile @Nullable String name;
  private volatile Iommudata iommudata = new Iommudata(null, null);

  /** Data and callback change together (CORE-028). */
  private record Iommudata(@Nullable Object data, @Nullable Consumer<@Nullable Object> release) {}

  GroupImpl(GroupServices services, GroupTable table, int id) {
    this.services = services;
    this.table = table;
    this.id = id;
    this.lock = new GroupLock(services.order(), id);
  }

  boolean madeBy(GroupTable other) {
    return table == other;
  }

  // ---- identity and references ----

  @Override
  public int id() {
    return id;
  }

  @Override
  public IommuGroup ref() {
    if (!tryRef()) {
      throw gone();
    }
    return this;
  }

  /**
   * Takes a reference, for those who found the group through a device that may be leaving it.
   *
   * @return false if the last reference is gone
   */
  public boolean tryRef() {
    return references.tryTake();
  }

  @Override
  public void put() {
    switch (references.drop()) {
      case DONE -> {}
      case LAST -> end();
      case GONE -> throw gone();
      case REFUSED ->
          throw new IommuException(
              Errno.EINVAL, "group " + id + ": the references left belong to its members");
    }
  }

  /** The reference of a probe turns into one of a member. */
  void adoptReference() {
    references.adopt();
  }

  /**
   * Whether a driver that answered this group handed over a reference for its device, as it must
   * (CORE-026). References that consumers hold cannot be told from one that is handed over.
   */
  public boolean hasReferenceForNewcomer() {
    return references.exceedMembers();
  }

  /** Drops the reference of a member that has left; not under the lock. */
  void putMember() {
    if (references.dropOfMember()) {
      end();
    }
  }

  /** The last reference is gone: callback, number, checks, name (CORE-027). */
  private void end() {
    Iommudata last = iommudata;
    Consumer<@Nullable Object> release = last.release();
    if (release != null) {
      services.guard().contain("iommudata_release", this, () -> release.accept(last.data()));
    }
    services.environment().unpublishGroup(id);
    table.giveBack(id);
    checkDomainless();
    name = null;
  }

  /** No reference is left, so nobody else looks; a lock here could be refused to the last user. */
  @SuppressWarnings("GuardedBy")
  private void checkDomainless() {
    if (defaultDomain != null) {
      violation(1014, "dying-group-has-default-domain", "group " + id + ": " + defaultDomain);
    }
    if (blocking != null) {
      violation(1014, "dying-group-has-blocking-domain", "group " + id + ": " + blocking);
    }
  }

  void requireAlive() {
    if (references.all() == 0) {
      throw gone();
    }
    services.guard().requireOpen();
  }

  private IommuException gone() {
    return new IommuException(Errno.ENODEV, "group " + id + " is gone");
  }

  // ---- name and data ----

  @Override
  public @Nullable String name() {
    return name;
  }

  @Override
  public void setName(@Nullable String newName) {
    requireAlive();
    if (name != null) {
      name = null;
      services.environment().unpublishGroupFile(id, "name");
      if (newName == null) {
        return;
      }
    }
    if (newName == null) {
      // Linux copies the null and takes the failed copy for a lack of memory (CORE-030).
      throw new IommuException(Errno.ENOMEM, "group " + id + " has no name to remove");
    }
    services.environment().allocate("group name");
    services.environment().publishGroupFile(id, "name");
    name = newName;
  }

  @Override
  public void setIommudata(@Nullable Object data, @Nullable Consumer<@Nullable Object> release) {
    requireAlive();
    iommudata = new Iommudata(data, release);
  }

  @Override
  public @Nullable Object iommudata() {
    return iommudata.data();
  }

  // ---- members ----

  @Override
  public <R> @Nullable R forEachDevice(DeviceVisitor<R> visitor) {
    if (visitor == null) {
      throw new IommuException(Errno.EINVAL, "group " + id + ": the visitor is null");
    }
    lock.lock();
    try {
      requireAlive();
      for (Member member : members.copy()) {
        Device device = member.device();
        R answer =
            services.guard().<@Nullable R>call("for_each_dev", device, () -> visitor.visit(device));
        if (answer != null) {
          return answer;
        }
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean hasIsolatedMsi() {
    lock.lock();
    try {
      requireAlive();
      boolean isolated = true;
      for (Member member : members) {
        isolated &= member.device().isolatedMsi();
      }
      return isolated;
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  @Nullable Member memberOf(Device device) {
    return members.find(device);
  }

  /** The member whose driver speaks for the group (CORE-008). */
  @GuardedBy("lock")
  DevIommuImpl firstDevice() {
    Member head = members.first();
    DevIommuImpl first = head == null ? null : head.iommu();
    if (first == null) {
      throw new IommuException(Errno.EINVAL, "group " + id + " has no device with an IOMMU driver");
    }
    return first;
  }

  /** Publishes a device; it is not in the list yet (CORE-036 to 038). Needs no group lock. */
  public Member publish(DeviceState state) {
    return Publication.publish(services, this, state);
  }

  boolean reserveLinkName(String linkName) {
    return linkNames.add(linkName);
  }

  void releaseLinkName(String linkName) {
    linkNames.remove(linkName);
  }

  /** Withdraws what {@link #publish} made (CORE-604). */
  void withdraw(Member member) {
    Publication.withdraw(services, this, member);
  }

  @GuardedBy("lock")
  void list(Member member) {
    members.add(member);
  }

  // ---- pointers ----

  @GuardedBy("lock")
  void setCurrent(@Nullable CoreDomain domain, String cause) {
    swapUse(current, domain);
    current = domain;
    domainGeneration++;
    lastDomainChange = cause;
  }

  @GuardedBy("lock")
  void setDefaultDomain(@Nullable CoreDomain domain) {
    swapUse(defaultDomain, domain);
    defaultDomain = domain;
  }

  @GuardedBy("lock")
  void setBlocking(@Nullable CoreDomain domain) {
    swapUse(blocking, domain);
    blocking = domain;
  }

  private static void swapUse(@Nullable CoreDomain before, @Nullable CoreDomain after) {
    if (after != null) {
      after.use();
    }
    if (before != null) {
      before.unuse();
    }
  }

  /** The cached blocking domain, or a new one (CORE-318). */
  @GuardedBy("lock")
  CoreDomain obtainBlocking() {
    CoreDomain cached = blocking;
    if (cached != null) {
      return cached;
    }
    DevIommuImpl first = firstDevice();
    CoreDomain made = first.driver().blocked();
    if (made == null) {
      made = first.driver().allocPaging(first, DomainType.UNMANAGED, Set.of());
    }
    setBlocking(made);
    return made;
  }

  @Override
  public @Nullable Domain defaultDomain() {
    CoreDomain now = defaultDomain;
    return now == null ? null : now.asDomain();
  }

  /** For device drivers under no lock (CORE-014). */
  public @Nullable Domain currentDomain(Device device) {
    lock.lock();
    try {
      return current == null || memberOf(device) == null ? null : current.asDomain();
    } finally {
      lock.unlock();
    }
  }

  /** For IOMMU drivers inside a callback (CORE-014). */
  @Nullable Domain driverDomain(DevIommuImpl device) {
    if (!lock.isHeldByCurrentThread()) {
      throw new IommuException(
          Errno.EPERM, "device " + device + ": asked without the lock of group " + id);
    }
    return driverDomainLocked(device);
  }

  /** The caller has shown that it holds the lock, which the compiler cannot see. */
  @SuppressWarnings("GuardedBy")
  private @Nullable Domain driverDomainLocked(DevIommuImpl device) {
    Member member = memberOf(device.device());
    if (member == null) {
      notAMember(device);
      return null;
    }
    CoreDomain answer = member.blocked ? blocking : current;
    return answer == null ? null : answer.asDomain();
  }

  /**
   * The core's side of a domain that is used without a look at whether it fits.
   *
   * @throws IommuException EINVAL for null or a paging domain of another core
   */
  CoreDomain mine(@Nullable Domain domain) {
    return domain instanceof PagingDomain
        ? CoreDomain.of(domain, services.guard())
        : CoreDomain.of(domain);
  }

  // ---- failures ----

  void violation(int rule, String token, String detail) {
    services.trace().violation(rule, token, detail);
  }

  IommuException parkedMember(String what) {
    return ResetFence.fenced(this, what);
  }

  @CanIgnoreReturnValue
  IommuException notAMember(DevIommuImpl device) {
    violation(1022, "not-a-member", "device " + device + " of group " + id);
    return new IommuException(Errno.ENODEV, "device " + device + " is no member of group " + id);
  }

  /** Whether anybody holds a reference. */
  public boolean isAlive() {
    return references.all() != 0;
  }

  /** The violation and refusal for a claim without owner (CORE-310, 312). */
  public static IommuException nullOwner(CoreTrace trace, String subject) {
    trace.violation(1029, "null-owner", subject);
    return new IommuException(Errno.EINVAL, subject + " cannot be claimed by no owner");
  }

  static void throwIf(@Nullable IommuException failure) {
    if (failure != null) {
      throw failure;
    }
  }

  // ---- the operations, each in its own class ----

  @Override
  public String typeText() {
    return TypeChange.typeText(this);
  }

  @Override
  public int writeType(String text, Caller caller) {
    return TypeChange.writeType(this, text, caller);
  }

  @Override
  public void changeDefaultDomain(DefaultDomainRequest request) {
    TypeChange.changeDefaultDomain(this, request);
  }

  /** Takes the group off an abandoned pending list (CORE-064). */
  public void unqueue() {
    TypeChange.unqueue(this);
  }

  /**
   * Pass 2 of a bus replay for this group (CORE-065).
   *
   * @return the members to finalise, under no lock
   */
  public List<Member> setUpAfterReplay() {
    return TypeChange.setUpAfterReplay(this);
  }

  /**
   * Lists a newcomer and brings it to where the group is (CORE-113 to 119).
   *
   * @return true if the group must be queued for pass 2 of a replay
   */
  public boolean join(Member member, boolean replay) {
    return Membership.join(this, member, replay);
  }

  /** Ends the probe of a device that could not be published. */
  public void abandon(DevIommuImpl device) {
    Membership.abandon(this, device);
  }

  /** Lists a device without IOMMU driver (CORE-620). */
  public void joinPlain(DeviceState state) {
    Membership.joinPlain(this, state);
  }

  /** Whether the group has, or had, a driver's domains; such a group takes no plain members. */
  public boolean hasDriver() {
    return Membership.hasDriver(this);
  }

  /** Says that a device is removed by name (CORE-622). */
  public void announceRemoval(Device device) {
    Membership.announceRemoval(this, device);
  }

  /** Takes a device out; nothing happens if it has left meanwhile (CORE-601). */
  public void remove(Device device) {
    Membership.remove(this, device);
  }

  /** Counts a driver (CORE-301 to 303). */
  public void useDefaultDomain(Device device) {
    Owning.useDefaultDomain(this, device);
  }

  /** Takes a driver off the count (CORE-304). */
  public void unuseDefaultDomain(Device device) {
    Owning.unuseDefaultDomain(this, device);
  }

  @Override
  public void claimDmaOwner(@Nullable DmaOwner owner) {
    Owning.claimDmaOwner(this, owner);
  }

  /** Claims through a device (CORE-313). */
  public void claimByDevice(Device device, DmaOwner owner) {
    Owning.claimByDevice(this, device, owner);
  }

  @Override
  public void releaseDmaOwner() {
    Owning.releaseDmaOwner(this);
  }

  /** Releases through a device: one claim, or, for the last one, the group (CORE-323). */
  public void releaseByDevice(Device device) {
    Owning.releaseByDevice(this, device);
  }

  @Override
  public boolean dmaOwnerClaimed() {
    return Owning.dmaOwnerClaimed(this);
  }

  @Override
  public DmaOwnership own(DmaOwner owner) {
    return Scopes.own(this, owner);
  }

  @Override
  public Attachment attachScoped(Domain domain) {
    return Scopes.attachScoped(this, domain);
  }

  @Override
  public void attach(Domain domain) {
    Attaching.attach(this, domain);
  }

  @Override
  public void detach(Domain domain) {
    Attaching.detach(this, domain);
  }

  /** Attaches to a device that is alone (CORE-400). */
  public void attachDevice(Device device, Domain domain) {
    Attaching.attachDevice(this, device, domain);
  }

  /** Detaches from a device that is alone (CORE-406). */
  public void detachDevice(Device device, Domain domain) {
    Attaching.detachDevice(this, device, domain);
  }

  /** Attaches a deferred device (CORE-196). */
  public void deferredAttach(DevIommuImpl device, Domain domain) {
    Attaching.deferredAttach(this, device, domain);
  }

  /** Makes an MSI doorbell reachable (CORE-467). */
  public void prepareMsi(Device device, long doorbell) {
    Attaching.prepareMsi(this, device, doorbell);
  }

  @Override
  public void attachHandle(Domain domain, @Nullable AttachHandle handle) {
    Handles.attachHandle(this, domain, handle);
  }

  @Override
  public void detachHandle(Domain domain) {
    Handles.detachHandle(this, domain);
  }

  @Override
  public void replaceHandle(@Nullable Domain domain, @Nullable AttachHandle handle) {
    Handles.replaceHandle(this, domain, handle);
  }

  @Override
  public AttachHandle handle(int pasid, @Nullable DomainType type) {
    return Handles.handle(this, pasid, type);
  }

  /** Attaches a PASID (CORE-440, 441, 445). */
  public void attachPasid(Device device, Domain domain, int pasid, @Nullable AttachHandle handle) {
    PasidAttaching.attachPasid(this, device, domain, pasid, handle);
  }

  /** Replaces the domain of a PASID (CORE-450 to 455). */
  public void replacePasid(Device device, Domain domain, int pasid, @Nullable AttachHandle handle) {
    PasidAttaching.replacePasid(this, device, domain, pasid, handle);
  }

  /** Detaches a PASID (CORE-447). */
  public void detachPasid(Device device, Domain domain, int pasid) {
    PasidAttaching.detachPasid(this, device, domain, pasid);
  }

  // ---- reserved regions ----

  @Override
  public List<ResvRegion> reservedRegions() {
    ResvList merged = new ResvList();
    lock.lock();
    try {
      requireAlive();
      for (Member member : members) {
        DevIommuImpl device = member.iommu();
        if (device == null) {
          // Linux stops at the first member without driver (CORE-704).
          break;
        }
        List<ResvRegion> regions = device.reservedRegions();
        regions.forEach(merged::insert);
        device.releaseRegions(regions);
      }
    } finally {
      lock.unlock();
    }
    return merged.toList();
  }

  // ---- observation ----

  @Override
  public GroupSnapshot snapshot() {
    GroupSnapshot now = snapshotOrNull();
    if (now == null) {
      throw gone();
    }
    return now;
  }

  /** The state of the group, or null if it has ended. */
  public @Nullable GroupSnapshot snapshotOrNull() {
    lock.lock();
    try {
      if (references.all() == 0) {
        return null;
      }
      List<GroupSnapshot.Member> copies = new ArrayList<>(members.size());
      for (Member member : members) {
        copies.add(view(member));
      }
      return new GroupSnapshot(
          id,
          name,
          defaultDomain(),
          current == null ? null : current.asDomain(),
          blocking == null ? null : blocking.asDomain(),
          ownership.owner(),
          ownership.count(),
          recoveryCount,
          references.all(),
          pasids.snapshot(),
          List.copyOf(copies));
    } finally {
      lock.unlock();
    }
  }

  private static GroupSnapshot.Member view(Member member) {
    DevIommuImpl device = member.iommu();
    return new GroupSnapshot.Member(
        member.device(),
        member.linkName(),
        device != null && device.dma(),
        device != null && device.attachDeferred(),
        device != null && device.requireDirect(),
        member.blocked,
        member.resetDepth);
  }

  @Override
  public String toString() {
    return "group " + id;
  }
}
