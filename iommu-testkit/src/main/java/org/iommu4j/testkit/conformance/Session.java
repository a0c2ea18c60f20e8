package org.iommu4j.testkit.conformance;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** One run of a script: the core, its surroundings, and what the ops have named so far. */
final class Session {
  private final IommuCore core;
  private final UnannouncedDomains unannounced;
  private final Recording recording;
  private final RecordingEnvironment environment;
  private final Map<String, AttachHandle> handles = new HashMap<>();
  private final Map<String, DmaOwner> owners = new HashMap<>();
  private final Map<Device, List<Integer>> firmwareIds = new HashMap<>();
  private Caller caller = Caller.ROOT;

  Session(
      IommuCore core,
      UnannouncedDomains unannounced,
      Recording recording,
      RecordingEnvironment environment) {
    this.core = core;
    this.unannounced = unannounced;
    this.recording = recording;
    this.environment = environment;
  }

  IommuCore core() {
    return core;
  }

  Recording recording() {
    return recording;
  }

  RecordingEnvironment environment() {
    return environment;
  }

  /** Does something and tells how it went, as it stands behind {@code =} in a trace. */
  String result(Action action) {
    try {
      return action.run(this);
    } catch (IommuException e) {
      return "-" + e.errno();
    } catch (HazardException e) {
      return "HAZARD " + e.getMessage();
    } catch (RuntimeException | AssertionError e) {
      StackTraceElement[] stack = e.getStackTrace();
      return "CRASH " + e + (stack.length == 0 ? "" : " at " + stack[0]);
    }
  }

  IommuGroup group(GroupRef ref) {
    return core.groups().stream()
        .filter(group -> group.id() == ref.id())
        .findFirst()
        .orElseThrow(() -> new HazardException("no group " + ref));
  }

  Domain domain(DomainRef ref) {
    Domain domain = domainOrNull(ref);
    if (domain == null) {
      throw new HazardException("no domain");
    }
    return domain;
  }

  @Nullable Domain domainOrNull(DomainRef ref) {
    if (ref.isNull()) {
      return null;
    }
    RecordingIommu owner = ref.owner();
    StaticDomain.Kind kind = ref.kind();
    if (owner != null && kind != null) {
      return shared(owner, kind);
    }
    Domain domain = recording.domain(ref.name());
    if (domain == null) {
      throw new HazardException("no domain " + ref);
    }
    return domain;
  }

  PagingDomain paging(DomainRef ref) {
    if (domain(ref) instanceof PagingDomain paging) {
      return paging;
    }
    throw new HazardException("domain " + ref + " is not a paging domain");
  }

  /** A static domain: announced to the core under test, or not. */
  private Domain shared(RecordingIommu owner, StaticDomain.Kind kind) {
    StaticDomain wanted = owner.ops().staticDomain(kind);
    if (core.instances().contains(owner)) {
      for (Domain domain :
          new Domain[] {
            core.identityDomain(owner), core.blockedDomain(owner), core.staticDefaultDomain(owner)
          }) {
        if (domain != null && domain.ops() == wanted) {
          return domain;
        }
      }
    }
    return unannounced.get(owner, kind);
  }

  /** The handle of that name, always the same object; null for no handle. */
  @Nullable AttachHandle handle(@Nullable String name) {
    return name == null ? null : handles.computeIfAbsent(name, AttachHandle::new);
  }

  /** The owner of that name, always the same object; null for no owner. */
  @Nullable DmaOwner owner(@Nullable String name) {
    return name == null ? null : owners.computeIfAbsent(name, DmaOwner::new);
  }

  DevIommu served(Device device) {
    return core.deviceOf(device)
        .orElseThrow(() -> new HazardException("no IOMMU serves " + recording.name(device)));
  }

  Caller caller() {
    return caller;
  }

  void setCaller(Caller now) {
    caller = now;
  }

  /** The firmware ids that the script gave to devices which no driver shows. */
  Map<Device, List<Integer>> firmwareIds() {
    return firmwareIds;
  }
}
