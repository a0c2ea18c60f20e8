package org.iommu4j.testkit.transcript;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.iommu4j.api.Device;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.PciDevice;
import org.iommu4j.testkit.persona.AmdPersona;
import org.iommu4j.testkit.persona.Persona;
import org.iommu4j.testkit.persona.RiscvPersona;
import org.iommu4j.testkit.persona.SmmuPersona;
import org.iommu4j.testkit.persona.VirtioPersona;
import org.iommu4j.testkit.persona.VtdPersona;
import org.jspecify.annotations.Nullable;

/**
 * Which driver a recorded system had, chosen by its hardware and its command line: what the records
 * say about groups and types is not looked at.
 */
final class PersonaChoice {
  /** The PCI ids of a virtio-iommu. */
  private static final int QUMRANET = 0x1af4;

  private static final int VIRTIO_IOMMU = 0x1057;
  private static final int AMD_IOMMU_CLASS = 0x0806;
  private static final int AMD = 0x1022;

  private static final Pattern VTD_REGISTERS =
      Pattern.compile("DMAR: \\w+: reg_base_addr \\w+ ver \\S+ cap (\\w+) ecap (\\w+)");
  private static final Pattern INPUT_BITS = Pattern.compile("input address: (\\d+) bits");
  private static final Pattern PAGE_MASK = Pattern.compile("page mask: (?:0x)?([0-9a-f]+)");

  /** The families of drivers. */
  enum Kind {
    NONE,
    VTD,
    AMD,
    SMMU,
    RISCV,
    VIRTIO
  }

  private final Kind kind;
  private final BootOptions boot;
  private final List<RecordedFunction> functions;
  private final List<TranscriptRecord> records;
  private final Optional<Fields> classDevice;
  private final @Nullable FirmwareNode node;

  PersonaChoice(
      BootOptions boot, List<RecordedFunction> functions, List<TranscriptRecord> records) {
    this.boot = boot;
    this.functions = functions;
    this.records = records;
    this.classDevice =
        records.stream()
            .filter(record -> record.op().equals("class_iommu"))
            .map(TranscriptRecord::args)
            .filter(args -> args.text("iommu").isPresent())
            .findFirst();
    this.kind = choose();
    this.node =
        switch (kind) {
          case SMMU, RISCV, VIRTIO ->
              new FirmwareNode(kind.name().toLowerCase(java.util.Locale.ROOT));
          case NONE, VTD, AMD -> null;
        };
  }

  private Kind choose() {
    if (functions.stream().anyMatch(PersonaChoice::isVirtioIommu)) {
      return Kind.VIRTIO;
    }
    if (boot.isRiscv()) {
      return hasHardware("riscv-iommu", "riscv,iommu", "riscv_iommu") ? Kind.RISCV : Kind.NONE;
    }
    if (!boot.isX86()) {
      return hasHardware("smmu3", "arm-smmu-v3", "smmuv3") ? Kind.SMMU : Kind.NONE;
    }
    if (boot.translationOff()) {
      return Kind.NONE;
    }
    if (functions.stream().anyMatch(PersonaChoice::isAmdIommu)
        || hasHardware("ivhd", "AMD-Vi", "ACPI: IVRS")) {
      return boot.hasItem("amd_iommu", "off") ? Kind.NONE : Kind.AMD;
    }
    boolean switchedOn = boot.last("intel_iommu", "on", "off", true);
    return switchedOn && hasHardware("dmar", "ACPI: DMAR", "DMAR: DRHD") ? Kind.VTD : Kind.NONE;
  }

  /** The name of the class device begins so, or the log has such a line. */
  private boolean hasHardware(String className, String... logged) {
    return classDevice
            .flatMap(args -> args.text("iommu"))
            .filter(n -> n.startsWith(className))
            .isPresent()
        || List.of(logged).stream().anyMatch(boot::logged)
        || functions.stream()
            .anyMatch(
                function -> function.iommu().filter(n -> n.startsWith(className)).isPresent());
  }

  private static boolean isVirtioIommu(RecordedFunction function) {
    return function.id().vendor() == QUMRANET && function.id().device() == VIRTIO_IOMMU;
  }

  private static boolean isAmdIommu(RecordedFunction function) {
    return function.id().vendor() == AMD && function.id().classAndSubclass() == AMD_IOMMU_CLASS;
  }

  Kind kind() {
    return kind;
  }

  /** The IOMMU that firmware names for a function, if drivers of this kind are found that way. */
  Optional<FirmwareNode> firmwareOf(RecordedFunction function) {
    return isVirtioIommu(function) ? Optional.empty() : Optional.ofNullable(node);
  }

  /** Whether the driver comes as a module, after the buses have been scanned and drivers tried. */
  boolean isModule() {
    return kind == Kind.VIRTIO;
  }

  /** Whether interrupts are remapped, so that no device can forge another's. */
  boolean isolatesInterrupts() {
    return switch (kind) {
      case VTD -> vtdRemapsInterrupts();
      case AMD ->
          boot.logged("AMD-Vi: Interrupt remapping enabled") && !boot.words().contains("noapic");
      case SMMU, RISCV -> true;
      case VIRTIO -> !boot.isX86();
      case NONE -> false;
    };
  }

  private boolean vtdRemapsInterrupts() {
    if (boot.words().contains("nointremap")
        || boot.hasItem("intremap", "off")
        || boot.words().contains("noapic")) {
      return false;
    }
    return !boot.logged("DMAR:") || boot.logged("DMAR-IR: Enabled IRQ remapping");
  }

  /** A new driver of the kind, registered nowhere; null without an IOMMU. */
  @Nullable Persona persona(ToIntFunction<PciDevice> classCodes) {
    FirmwareNode named = node;
    return switch (kind) {
      case NONE -> null;
      case VTD -> vtd(classCodes);
      case AMD -> amd(classCodes);
      case SMMU -> named == null ? null : smmu(named);
      case RISCV -> named == null ? null : riscv(named);
      case VIRTIO -> named == null ? null : virtio(named);
    };
  }

  private String name(String otherwise) {
    return classDevice.flatMap(args -> args.text("iommu")).orElse(otherwise);
  }

  private Persona vtd(ToIntFunction<PciDevice> classCodes) {
    VtdPersona.Builder builder =
        VtdPersona.builder()
            .name(name("dmar0"))
            .classCodes(classCodes)
            .scope(scope())
            .scalableMode(boot.last("intel_iommu", "sm_on", "sm_off", true))
            .superpages(!boot.hasItem("intel_iommu", "sp_off"))
            .strict(boot.hasItem("intel_iommu", "strict"));
    register("intel-iommu/cap", 1).ifPresent(builder::cap);
    register("intel-iommu/ecap", 2).ifPresent(builder::ecap);
    return builder.build();
  }

  /** From the class device, or else from the log. */
  private Optional<Long> register(String attribute, int group) {
    Optional<Long> shown = classDevice.flatMap(args -> args.hex(attribute));
    if (shown.isPresent()) {
      return shown;
    }
    return logged(VTD_REGISTERS, group).flatMap(Fields::parseHex);
  }

  private Optional<String> logged(Pattern pattern, int group) {
    for (TranscriptRecord record : records) {
      for (String line : record.klog()) {
        Matcher matcher = pattern.matcher(line);
        if (matcher.find()) {
          return Optional.of(matcher.group(group));
        }
      }
    }
    return Optional.empty();
  }

  private Persona amd(ToIntFunction<PciDevice> classCodes) {
    Optional<Long> capability = classDevice.flatMap(args -> args.hex("amd-iommu/cap"));
    AmdPersona.Builder builder =
        AmdPersona.builder()
            .name(name("ivhd0"))
            .classCodes(classCodes)
            .scope(scope())
            .hugePages(!boot.hasItem("amd_iommu", "nohugepages"))
            .version2(boot.hasItem("amd_iommu", "pgtbl_v2"), false)
            .fullFlush(
                boot.hasItem("amd_iommu", "fullflush")
                    || (capability.isEmpty()
                        && boot.logged("AMD-Vi: Using strict mode due to virtualization")));
    capability.ifPresent(header -> builder.capability(header.intValue()));
    return builder.build();
  }

  private Persona smmu(FirmwareNode named) {
    return SmmuPersona.builder(named).name(name("smmu3.0x0000000009050000")).build();
  }

  private Persona riscv(FirmwareNode named) {
    return RiscvPersona.builder(named).name(name("riscv-iommu@3010000.iommu")).build();
  }

  private Persona virtio(FirmwareNode named) {
    String function =
        functions.stream()
            .filter(PersonaChoice::isVirtioIommu)
            .map(RecordedFunction::address)
            .findFirst()
            .orElse("0000:00:0e.0");
    VirtioPersona.Builder builder = VirtioPersona.builder(named).name(function);
    long mask = logged(PAGE_MASK, 1).flatMap(Fields::parseHex).orElse(-4096L);
    int bits = logged(INPUT_BITS, 1).map(Integer::parseInt).orElse(39);
    builder.addresses(mask, Math.max(1, Math.min(Long.SIZE, bits)));
    if (!boot.isX86()) {
      builder.endpointProperties(List.of());
    }
    return builder.build();
  }

  /** Firmware can leave a whole further root bus out, with everything below it. */
  private java.util.function.Predicate<Device> scope() {
    Set<String> outside = new HashSet<>();
    for (Map.Entry<String, List<RecordedFunction>> root : rootBuses().entrySet()) {
      boolean named = root.getValue().stream().anyMatch(f -> f.iommu().isPresent());
      if (!root.getKey().endsWith(":00") && !named) {
        root.getValue().forEach(function -> outside.add(function.address()));
      }
    }
    return device -> !outside.contains(device.name());
  }

  /** Which functions are below which root bus, by bus numbers. */
  private Map<String, List<RecordedFunction>> rootBuses() {
    Map<String, List<RecordedFunction>> roots = new java.util.LinkedHashMap<>();
    for (RecordedFunction function : functions) {
      roots
          .computeIfAbsent(rootOf(busOf(function)), unused -> new java.util.ArrayList<>())
          .add(function);
    }
    return roots;
  }

  private static String busOf(RecordedFunction function) {
    String address = function.address();
    int colon = address.lastIndexOf(':');
    return colon < 0 ? address : address.substring(0, colon);
  }

  private String rootOf(String bus) {
    String at = bus;
    for (int depth = 0; depth < 256; depth++) {
      String above = busAbove(at);
      if (above == null) {
        return at;
      }
      at = above;
    }
    return at;
  }

  private @Nullable String busAbove(String bus) {
    int number = Fields.parseHex(bus.substring(bus.lastIndexOf(':') + 1)).orElse(0L).intValue();
    String segment = bus.substring(0, Math.max(0, bus.lastIndexOf(':')));
    for (RecordedFunction function : functions) {
      String own = busOf(function);
      if (function.secondaryBus() == number
          && number != 0
          && own.startsWith(segment)
          && !own.equals(bus)) {
        return own;
      }
    }
    return null;
  }
}
