package org.iommu4j.testkit.conformance;

import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.Capability;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.StaticDomain.Kind;
import org.jspecify.annotations.Nullable;

/**
 * What a recording driver can do: the {@code instance} line of a script (trace format, section 3).
 *
 * @param name the instance's name
 * @param operations the driver's optional callbacks
 * @param refusesFlags whether an allocation with wishes is answered with EOPNOTSUPP
 * @param domainOperations the operations of the domains it allocates
 * @param identityDomain whether its static identity domain is announced
 * @param identityPasid whether the static identity domain can be attached to PASIDs
 * @param blockedDomain whether its static blocked domain is announced
 * @param blockedPasid whether the static blocked domain can be attached to PASIDs
 * @param releaseDomain the kind of its release domain, or null
 * @param defaultDomain the kind of its only default domain, or null
 * @param capabilities what it answers yes to
 * @param pageSizes the page sizes of each new paging domain, a bit set
 * @param gather what unmapping does with the gather
 * @param grouping how it chooses groups
 * @param firmware whether it has a firmware node
 * @param maxPasids the PASID limit
 */
public record InstanceSpec(
    String name,
    Set<IommuOp> operations,
    boolean refusesFlags,
    Set<DomainOp> domainOperations,
    boolean identityDomain,
    boolean identityPasid,
    boolean blockedDomain,
    boolean blockedPasid,
    @Nullable Kind releaseDomain,
    @Nullable Kind defaultDomain,
    Set<Capability> capabilities,
    long pageSizes,
    Gather gather,
    Grouping grouping,
    boolean firmware,
    int maxPasids) {
  private static final int DEFAULT_MAX_PASIDS = 1 << 20;
  private static final int DEFAULT_PAGE_SIZES = 0x1000;

  /** What unmapping does with the gather. */
  public enum Gather {
    /** Nothing. */
    NONE,
    /** Adds the bytes that were unmapped. */
    RANGE,
    /** Adds a page of the size that was asked for, once per call that unmapped something. */
    PAGE
  }

  /** How the driver chooses a group. */
  public enum Grouping {
    /** By a key of the device; the driver remembers groups without keeping them alive. */
    KEY,
    /** Always a new group. */
    GENERIC,
    /** One group for the instance. */
    SINGLE,
    /** By PCI isolation. */
    PCI,
    /** The group of the device's container. */
    FSLMC
  }

  /**
   * Reads a description, as it stands in a script after the word {@code instance}.
   *
   * @param text for example {@code i0 paging=flags identity=none release=blocked}
   * @return the description
   * @throws ScriptException if it is malformed
   */
  public static InstanceSpec parse(String text) {
    return parse(new ScriptLine("instance", 1, "instance " + text));
  }

  static InstanceSpec parse(ScriptLine line) {
    List<String> words = line.words();
    if (words.size() < 2 || words.get(1).contains("=")) {
      throw line.error("an instance needs a name");
    }
    var keys = new Attributes(line, words.subList(2, words.size()));
    String paging =
        keys.choice("paging", "plain", same("plain", "flags", "flags-nopasid", "both", "none"));
    String identity = keys.choice("identity", "static", same("static", "alloc", "none"));
    String blocked = keys.choice("blocked", "static", same("static", "static-nopasid", "none"));
    int maxPasids = keys.decimal("max_pasids", DEFAULT_MAX_PASIDS);
    if (maxPasids < 0) {
      throw line.error("max_pasids=" + maxPasids + " is negative");
    }
    var spec =
        new InstanceSpec(
            words.get(1),
            Set.copyOf(operations(keys, paging, identity)),
            paging.equals("flags-nopasid"),
            Set.copyOf(domainOperations(keys)),
            identity.equals("static"),
            keys.yes("identity_pasid", false),
            !blocked.equals("none"),
            !blocked.equals("static-nopasid"),
            staticKind(keys, "release", same("none", "blocked", "identity")),
            staticKind(keys, "default", same("none", "identity", "blocked", "platform")),
            Set.copyOf(capabilities(keys)),
            keys.hex("pgsizes", DEFAULT_PAGE_SIZES),
            keys.choice(
                "gather",
                "none",
                Map.of("none", Gather.NONE, "range", Gather.RANGE, "page", Gather.PAGE)),
            keys.choice("group", "key", GROUPINGS),
            keys.yes("fw", true),
            maxPasids);
    keys.finish();
    return spec;
  }

  private static final Map<String, Grouping> GROUPINGS =
      Map.of(
          "key", Grouping.KEY,
          "generic", Grouping.GENERIC,
          "single", Grouping.SINGLE,
          "pci", Grouping.PCI,
          "fslmc", Grouping.FSLMC);

  private static Set<IommuOp> operations(Attributes keys, String paging, String identity) {
    Set<IommuOp> ops = EnumSet.of(IommuOp.OF_XLATE);
    when(keys.yes("capable", true), ops, IommuOp.CAPABLE);
    when(keys.yes("resv", true), ops, IommuOp.GET_RESV_REGIONS);
    when(keys.yes("finalize", true), ops, IommuOp.PROBE_FINALIZE);
    when(keys.yes("wish", true), ops, IommuOp.DEF_DOMAIN_TYPE);
    when(keys.yes("release_device", true), ops, IommuOp.RELEASE_DEVICE);
    when(keys.yes("deferred", false), ops, IommuOp.IS_ATTACH_DEFERRED);
    boolean both = paging.equals("both");
    when(both || paging.equals("plain"), ops, IommuOp.DOMAIN_ALLOC_PAGING);
    when(both || paging.startsWith("flags"), ops, IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    when(identity.equals("alloc"), ops, IommuOp.DOMAIN_ALLOC_IDENTITY);
    return ops;
  }

  private static Set<DomainOp> domainOperations(Attributes keys) {
    Set<DomainOp> ops = EnumSet.of(DomainOp.ATTACH_DEV, DomainOp.FREE, DomainOp.IOVA_TO_PHYS);
    when(keys.yes("map", true), ops, DomainOp.MAP_PAGES);
    when(keys.yes("pasid", true), ops, DomainOp.SET_DEV_PASID);
    when(keys.yes("sync_map", false), ops, DomainOp.IOTLB_SYNC_MAP);
    when(keys.yes("sync", false), ops, DomainOp.IOTLB_SYNC);
    when(keys.yes("flush_all", false), ops, DomainOp.FLUSH_IOTLB_ALL);
    when(keys.yes("quirks", false), ops, DomainOp.SET_PGTABLE_QUIRKS);
    return ops;
  }

  private static <T> void when(boolean present, Set<T> set, T element) {
    if (present) {
      set.add(element);
    }
  }

  private static @Nullable Kind staticKind(Attributes keys, String key, Map<String, String> words) {
    return switch (keys.choice(key, "none", words)) {
      case "blocked" -> Kind.BLOCKED;
      case "identity" -> Kind.IDENTITY;
      case "platform" -> Kind.PLATFORM;
      default -> null;
    };
  }

  private static Set<Capability> capabilities(Attributes keys) {
    Set<Capability> caps = EnumSet.noneOf(Capability.class);
    when(keys.yes("deferred_flush", true), caps, Capability.DEFERRED_FLUSH);
    for (String label : keys.list("caps")) {
      Capability capability = capability(label);
      if (capability == null) {
        throw keys.unexpected("caps", label, "the name of a capability");
      }
      caps.add(capability);
    }
    return caps;
  }

  static @Nullable Capability capability(String label) {
    for (Capability capability : Capability.values()) {
      if (capability.label().equals(label)) {
        return capability;
      }
    }
    return null;
  }

  private static Map<String, String> same(String... words) {
    Map<String, String> map = new LinkedHashMap<>();
    for (String word : words) {
      map.put(word, word);
    }
    return Collections.unmodifiableMap(map);
  }
}
