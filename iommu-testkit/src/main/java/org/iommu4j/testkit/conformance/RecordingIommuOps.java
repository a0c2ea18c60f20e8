package org.iommu4j.testkit.conformance;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * A driver that writes down every callback and fails where it is told to ("the recording driver" of
 * the trace format).
 *
 * <p>A callback's line is written when it ends, with its result. A failing attach changes nothing.
 * Confined to one thread.
 */
public final class RecordingIommuOps implements IommuOps {
  private final IommuDevice instance;
  private final InstanceSpec spec;
  private final Function<Device, @Nullable DeviceSpec> devices;
  private final Recording recording;
  private final RecordingStaticDomain identity;
  private final RecordingStaticDomain blocked;
  private final RecordingStaticDomain platform;

  /** Groups by key. They are not kept alive: a dead one refuses a new reference. */
  private final Map<String, IommuGroup> groupsByKey = new HashMap<>();

  RecordingIommuOps(
      IommuDevice instance,
      InstanceSpec spec,
      Function<Device, @Nullable DeviceSpec> devices,
      Recording recording) {
    this.instance = instance;
    this.spec = spec;
    this.devices = devices;
    this.recording = recording;
    identity =
        new RecordingStaticDomain(recording, StaticDomain.Kind.IDENTITY, spec.identityPasid());
    blocked = new RecordingStaticDomain(recording, StaticDomain.Kind.BLOCKED, spec.blockedPasid());
    platform = new RecordingStaticDomain(recording, StaticDomain.Kind.PLATFORM, false);
  }

  @Override
  public String name() {
    return spec.name();
  }

  @Override
  public Set<IommuOp> operations() {
    return spec.operations();
  }

  @Override
  public @Nullable StaticDomain identityDomain() {
    return spec.identityDomain() ? identity : null;
  }

  @Override
  public @Nullable StaticDomain blockedDomain() {
    return spec.blockedDomain() ? blocked : null;
  }

  @Override
  public @Nullable StaticDomain releaseDomain() {
    return staticOrNull(spec.releaseDomain());
  }

  @Override
  public @Nullable StaticDomain defaultDomain() {
    return staticOrNull(spec.defaultDomain());
  }

  private @Nullable StaticDomain staticOrNull(StaticDomain.@Nullable Kind kind) {
    return kind == null ? null : staticDomain(kind);
  }

  /**
   * A static domain, announced to the core or not.
   *
   * @param kind which one
   * @return always the same object
   */
  public StaticDomain staticDomain(StaticDomain.Kind kind) {
    return switch (kind) {
      case IDENTITY -> identity;
      case BLOCKED -> blocked;
      case PLATFORM -> platform;
    };
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    String name = name(device);
    FaultPlan.Fault fault = recording.faults().next("probe_device", name);
    IommuException failure = null;
    if (devices.apply(device.device()) == null) {
      failure = new IommuException(Errno.ENODEV, spec.name() + " does not serve " + name);
    } else if (fault != null) {
      failure = fault.exception(Errno.ENODEV);
    }
    recording.callback("probe_device " + name + " = " + Recording.result(failure));
    if (failure != null) {
      throw failure;
    }
    return instance;
  }

  @Override
  public void releaseDevice(DevIommu device) {
    recording.callback("release_device " + name(device));
  }

  @Override
  public void probeFinalize(DevIommu device) {
    recording.callback("probe_finalize " + name(device));
    recording.finalized(name(device));
  }

  @Override
  public @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    String start = "device_group " + name(device) + " = ";
    try {
      IommuGroup group = chooseGroup(device, groups);
      recording.callback(start + (group == null ? "null" : "g" + group.id()));
      return group;
    } catch (IommuException e) {
      recording.callback(start + Recording.result(e));
      throw e;
    }
  }

  private @Nullable IommuGroup chooseGroup(DevIommu device, DeviceGroups groups) {
    FaultPlan.Fault fault = recording.faults().next("device_group", name(device));
    if (fault != null) {
      if (fault.errno() == null) {
        return null;
      }
      throw fault.exception(fault.errno());
    }
    return switch (spec.grouping()) {
      case KEY -> groupByKey(known(device).key(), groups);
      case GENERIC -> groups.generic();
      case SINGLE -> groups.singleton();
      case PCI -> groups.pci();
      case FSLMC -> groups.container();
    };
  }

  private IommuGroup groupByKey(String key, DeviceGroups groups) {
    IommuGroup remembered = groupsByKey.get(key);
    if (remembered != null) {
      try {
        return remembered.ref();
      } catch (IommuException dead) {
        groupsByKey.remove(key);
      }
    }
    IommuGroup fresh = groups.generic();
    groupsByKey.put(key, fresh);
    return fresh;
  }

  @Override
  public @Nullable DomainType defDomainType(DevIommu device) {
    DomainType wish = known(device).wish();
    recording.callback(
        "?def_domain_type " + name(device) + " = " + (wish == null ? "none" : wish.sysfsName()));
    return wish;
  }

  @Override
  public boolean isAttachDeferred(DevIommu device) {
    boolean deferred = known(device).deferred();
    recording.callback("?is_attach_deferred " + name(device) + " = " + yesNo(deferred));
    return deferred;
  }

  @Override
  public void resvRegions(DevIommu device, List<ResvRegion> regions) {
    recording.callback("?get_resv_regions " + name(device));
    regions.addAll(known(device).regions());
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    boolean yes = spec.capabilities().contains(capability);
    recording.callback("?capable " + name(device) + " " + capability.label() + " = " + yesNo(yes));
    return yes;
  }

  @Override
  public void ofXlate(DevIommu device, IommuSpecifier specifier) {
    // Every specifier is fine.
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPaging(DevIommu device) {
    return allocate("domain_alloc_paging " + name(device), device, false);
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
    String start = "domain_alloc_paging_flags " + name(device);
    if (!flags.isEmpty()) {
      var names = new TreeSet<>(flags).stream().map(flag -> flag.name().toLowerCase(Locale.ROOT));
      start += " flags=" + String.join("|", names.toList());
    }
    return allocate(start, device, spec.refusesFlags() && !flags.isEmpty());
  }

  @Override
  public @Nullable DomainOps domainAllocIdentity(DevIommu device) {
    return allocate("domain_alloc_identity " + name(device), device, false);
  }

  private @Nullable RecordingDomain allocate(String start, DevIommu device, boolean refused) {
    // A refusal is no call that could fail otherwise: it counts down no fault.
    FaultPlan.Fault fault =
        refused
            ? FaultPlan.Fault.of(Errno.EOPNOTSUPP)
            : recording.faults().next("domain_alloc", name(device));
    if (fault == null) {
      var domain = new RecordingDomain(recording, spec, recording.nextDomain());
      recording.callback(start + " = " + domain.label());
      return domain;
    }
    if (fault.errno() == null && !start.startsWith("domain_alloc_identity")) {
      recording.callback(start + " = null");
      return null;
    }
    IommuException failure = fault.exception(Errno.ENOMEM);
    recording.callback(start + " = " + Recording.result(failure));
    throw failure;
  }

  private DeviceSpec known(DevIommu device) {
    DeviceSpec known = devices.apply(device.device());
    if (known == null) {
      throw new IllegalStateException(spec.name() + " does not serve " + name(device));
    }
    return known;
  }

  private String name(DevIommu device) {
    return recording.name(device.device());
  }

  private static String yesNo(boolean yes) {
    return yes ? "yes" : "no";
  }

  @Override
  public String toString() {
    return spec.name();
  }
}
