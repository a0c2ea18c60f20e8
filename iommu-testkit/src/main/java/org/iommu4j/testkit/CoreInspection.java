package org.iommu4j.testkit;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.Violation;
import org.iommu4j.core.IommuCore;
import org.jspecify.annotations.Nullable;

/** One look at everything that {@link IommuInvariants} promises, with what is wrong. */
final class CoreInspection {
  private final IommuCore core;
  private final List<String> findings = new ArrayList<>();

  CoreInspection(IommuCore core) {
    this.core = core;
  }

  List<String> findings() {
    return List.copyOf(findings);
  }

  @FormatMethod
  private void require(boolean holds, @FormatString String format, @Nullable Object... operands) {
    if (!holds) {
      findings.add(String.format(format, operands));
    }
  }

  // ---- groups ----

  void groups() {
    Set<Integer> numbers = new HashSet<>();
    IdentityHashMap<Device, Integer> groupOf = new IdentityHashMap<>();
    for (IommuGroup group : core.groups()) {
      GroupSnapshot now = group.snapshot();
      require(numbers.add(now.id()), "group %d exists twice", now.id());
      require(now.id() == group.id(), "group %d calls itself %d", group.id(), now.id());
      for (GroupSnapshot.Member member : now.members()) {
        Integer other = groupOf.put(member.device(), now.id());
        require(
            other == null, "%s is a member of group %d and %d", member.device(), other, now.id());
      }
      members(group, now);
      domains(now);
      ownership(now);
    }
  }

  private void members(IommuGroup group, GroupSnapshot now) {
    Set<String> links = new HashSet<>();
    long parked = 0;
    for (GroupSnapshot.Member member : now.members()) {
      acquainted(group, member.device());
      require(
          links.add(member.linkName()), "group %d has two links %s", now.id(), member.linkName());
      require(
          !member.blocked() || member.resetDepth() > 0,
          "%s of group %d is parked without a reset",
          member.device(),
          now.id());
      parked += member.blocked() ? 1 : 0;
      Domain domain = now.defaultDomain();
      require(
          !member.dma() || (domain != null && domain.isDma()),
          "%s uses the DMA layer, but the default domain of group %d is %s",
          member.device(),
          now.id(),
          domain);
    }
    require(
        parked == now.recoveryCount(),
        "group %d counts %d parked members, but %d are",
        now.id(),
        now.recoveryCount(),
        parked);
    require(
        now.references() >= now.members().size(),
        "group %d has %d members but %d references",
        now.id(),
        now.members().size(),
        now.references());
  }

  /** The member knows its group, and its IOMMU side does. */
  private void acquainted(IommuGroup group, Device device) {
    IommuGroup known = core.group(device).orElse(null);
    require(
        known == group,
        "%s is a member of group %d but says %s",
        device,
        group.id(),
        known == null ? "that it has none" : known.toString());
    if (known != null) {
      known.put();
    }
    DevIommu served = core.deviceOf(device).orElse(null);
    if (served != null) {
      require(
          groupOrNull(served) == group,
          "the IOMMU side of %s is not in group %d",
          device,
          group.id());
    }
  }

  private static @Nullable IommuGroup groupOrNull(DevIommu device) {
    try {
      return device.group();
    } catch (IommuException none) {
      return null;
    }
  }

  private void domains(GroupSnapshot now) {
    Domain normal = now.defaultDomain();
    boolean served =
        now.members().stream().anyMatch(member -> core.deviceOf(member.device()).isPresent());
    require(
        normal == null || normal.type() != DomainType.UNMANAGED,
        "group %d has a consumer's domain as default: %s",
        now.id(),
        normal);
    require(
        (normal == null) == (now.currentDomain() == null),
        "group %d has default domain %s but is on %s",
        now.id(),
        normal,
        now.currentDomain());
    require(
        served || (normal == null && now.blockingDomain() == null),
        "group %d has domains %s and %s but no member with an IOMMU",
        now.id(),
        normal,
        now.blockingDomain());
    require(
        served || now.pasids().isEmpty(),
        "group %d has PASIDs %s but no member with an IOMMU",
        now.id(),
        now.pasids().keySet());
  }

  private void ownership(GroupSnapshot now) {
    require(now.ownerCount() >= 0, "group %d counts %d users", now.id(), now.ownerCount());
    if (now.owner() != null) {
      require(now.ownerCount() > 0, "%s owns group %d without a claim", now.owner(), now.id());
      boolean isolated =
          now.currentDomain() != now.defaultDomain()
              || now.currentDomain() == null
              || now.defaultDomain() == now.blockingDomain();
      require(
          isolated, "group %d belongs to %s but is on its default domain", now.id(), now.owner());
    }
  }

  // ---- the rest of a core ----

  void locks() {
    String held = core.lockContext().toString();
    require(held.equals("-"), "the calling thread still holds lock %s", held);
  }

  void violations(Set<String> allowed) {
    List<Violation> recorded = core.violations();
    for (Violation violation : recorded) {
      require(allowed.contains(violation.token()), "violation %s", violation);
    }
    require(
        core.violationCount() == recorded.size() || !allowed.isEmpty(),
        "%d violations, of which the core kept %d",
        core.violationCount(),
        recorded.size());
  }

  // ---- machines ----

  void conduct(FakeMachine machine) {
    findings.addAll(machine.ledger().complaints());
    for (DmaWatch.Judgement judgement : machine.watch().violations()) {
      findings.add(judgement.toString());
    }
  }

  /** Bound drivers and the counts of groups fit; the driver of a group may not have one yet. */
  void drivers(FakeMachine machine) {
    for (IommuGroup group : core.groups()) {
      GroupSnapshot now = group.snapshot();
      long users =
          now.members().stream()
              .flatMap(member -> machine.driver(member.device()).stream())
              .filter(driver -> !driver.managesDma())
              .count();
      long counted = now.owner() == null ? now.ownerCount() : 0;
      require(
          users == counted,
          "%d bound drivers of group %d use the DMA API, but the group counts %d%s",
          users,
          now.id(),
          counted,
          now.owner() == null ? "" : " and belongs to " + now.owner());
    }
    for (Device device : machine.devices()) {
      require(
          core.deviceOf(device).isEmpty() || core.group(device).map(this::dropped).isPresent(),
          "%s has an IOMMU but no group",
          device);
    }
  }

  private boolean dropped(IommuGroup group) {
    group.put();
    return true;
  }

  void leaks(FakeMachine machine) {
    require(core.instances().isEmpty(), "IOMMUs are still registered: %s", core.instances());
    for (IommuGroup group : core.groups()) {
      GroupSnapshot now = group.snapshot();
      require(now.members().isEmpty(), "closed, but group %d has %s", now.id(), now.members());
    }
    for (Throwable left : machine.ledger().outstanding()) {
      findings.add(left.getMessage() + " and never given back");
    }
    require(
        machine.pagesSinceBoot() == 0,
        "%d pages of table memory were not given back",
        machine.pagesSinceBoot());
  }
}
