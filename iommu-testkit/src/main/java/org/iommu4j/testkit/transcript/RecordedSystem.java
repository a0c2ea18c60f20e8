package org.iommu4j.testkit.transcript;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.core.IommuCore;
import org.iommu4j.core.sysfs.CoreSysfs;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsTree;
import org.iommu4j.spi.Environment;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.linux.LinuxDriver;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.linux.PciFunction;
import org.iommu4j.testkit.linux.SriovFacts;
import org.iommu4j.testkit.persona.Persona;
import org.iommu4j.testkit.vfio.FakeVfio;
import org.jspecify.annotations.Nullable;

/** The machine of a transcript, rebuilt from its facts and booted with its options. */
final class RecordedSystem implements AutoCloseable {
  private static final String GROUPS = "/sys/kernel/iommu_groups/";
  private static final String MARKER_NO_ATS = "noats";

  /** The only driver of IOMMUs that comes as a module, as its messages name it. */
  private static final String MODULE = "virtio_iommu";

  /** Empty while the machine boots. */
  private final AtomicReference<LinuxPci> running = new AtomicReference<>();

  private final BootOptions boot;
  private final PersonaChoice choice;
  private final KnownDrivers known;
  private final Map<String, RecordedFunction> functions = new LinkedHashMap<>();
  private final Map<String, String> addressOfRole = new HashMap<>();
  private final FakeMachine machine;
  private final LinuxPci linux;
  private final FakeVfio vfio;
  private final SysfsTree tree;
  private final SysfsProcess root;
  private final @Nullable Persona persona;
  private final @Nullable TranscriptRecord driverLoad;
  private boolean personaStarted;

  RecordedSystem(Transcript transcript) {
    boot = BootOptions.of(transcript);
    List<RecordedFunction> atBoot = new ArrayList<>();
    List<RecordedFunction> all = new ArrayList<>();
    String firstListing = null;
    for (TranscriptRecord record : transcript.records()) {
      if (record.isDevice()) {
        RecordedFunction function = new RecordedFunction(record.fields());
        String why = record.fields().text("why", "");
        firstListing = firstListing == null ? why : firstListing;
        all.add(function);
        if (why.equals(firstListing)) {
          atBoot.add(function);
        }
        functions.putIfAbsent(function.address(), function);
        function.role().ifPresent(role -> addressOfRole.putIfAbsent(role, function.address()));
      }
    }
    learnRoles(transcript);
    List<RecordedFunction> distinct = List.copyOf(functions.values());
    choice = new PersonaChoice(boot, distinct, transcript.records());
    known = new KnownDrivers(atBoot, all, namesOfDrivers(transcript));
    machine = build(transcript.config());
    linux = linuxOver(machine);
    vfio = FakeVfio.over(machine.core()).allowUnsafeInterrupts(unsafeInterruptsAllowed()).build();
    tree = CoreSysfs.of(machine.core());
    root = tree.as(Caller.ROOT);
    persona = choice.persona(this::classCode);
    driverLoad = loadOfDriver(transcript);
    if (!choice.isModule()) {
      startPersona();
    }
    known.builtIn().forEach(linux::load);
  }

  /**
   * Which list of modules the IOMMU's driver was in: the last one before its first message, or the
   * first list.
   */
  private static @Nullable TranscriptRecord loadOfDriver(Transcript transcript) {
    TranscriptRecord first = null;
    TranscriptRecord latest = null;
    for (TranscriptRecord record : transcript.records()) {
      if (record.op().equals("modules")) {
        first = first == null ? record : first;
        latest = record;
      }
      if (latest != null && record.klog().stream().anyMatch(line -> line.contains(MODULE))) {
        return latest;
      }
    }
    return first;
  }

  /** Operations name devices by both role and address. */
  private void learnRoles(Transcript transcript) {
    for (TranscriptRecord record : transcript.records()) {
      Optional<String> role = record.args().text("role");
      Optional<String> address = record.args().text("bdf");
      if (role.isPresent() && address.isPresent()) {
        addressOfRole.putIfAbsent(role.get(), address.get());
      }
    }
  }

  /** The drivers that a kernel had: those that it ever showed, or let bind. */
  private static Set<String> namesOfDrivers(Transcript transcript) {
    Set<String> names = new HashSet<>();
    for (TranscriptRecord record : transcript.records()) {
      for (Fields group : record.state()) {
        for (Fields member : group.objects("devices")) {
          member.text("driver").ifPresent(names::add);
        }
      }
      boolean hadFile = !record.fields().text("result", "").equals("ENOENT");
      if (record.op().equals("bind") && hadFile) {
        record.args().text("driver").ifPresent(names::add);
      }
    }
    return names;
  }

  private boolean unsafeInterruptsAllowed() {
    return boot.words().stream()
        .anyMatch(word -> word.matches("vfio_iommu_type1\\.allow_unsafe_interrupts=[1yY].*"));
  }

  private FakeMachine build(String name) {
    PciTopology.Builder builder = PciTopology.builder(name);
    // Without translation services no port lets translated requests pass, trusted or not.
    boolean trustIsVisible = boot.items("pci").stream().noneMatch(MARKER_NO_ATS::equals);
    functions.values().forEach(function -> describe(builder, function, trustIsVisible));
    PciTopology topology = builder.build();
    for (PciDevice device : topology.devices()) {
      if ((device.devfn() & 7) != 0) {
        device.markMultifunction();
      }
    }
    return FakeMachine.builder()
        .topology(topology)
        .bootParameters(boot.parameters())
        .environment(environment())
        .build();
  }

  private void describe(
      PciTopology.Builder builder, RecordedFunction function, boolean trustIsVisible) {
    PciTopology.FunctionBuilder made = builder.function(function.address());
    made.classCode(String.format("%06x", function.classCode()));
    if (function.isBridge()) {
      made.secondaryBus(function.secondaryBus());
      if (function.secondaryBus() != 0 && function.subordinateBus() >= function.secondaryBus()) {
        made.subordinateBus(function.subordinateBus());
      }
    }
    boolean isolated = choice.isolatesInterrupts();
    made.facts(
        (device, bus) -> {
          function.describe(device, bus, trustIsVisible);
          device.isolatedMsi(isolated);
          choice.firmwareOf(function).ifPresent(node -> device.iommu(IommuSpecifier.of(node)));
        });
  }

  /** Older kernels look firmware up when a driver is bound, and never before. */
  private Environment environment() {
    if (!boot.looksFirmwareUpAtBind()) {
      return Environment.PERMISSIVE;
    }
    return new Environment() {
      @Override
      public void dmaConfigure(Device device, Runnable firmwareLookup) {
        LinuxPci linuxNow = running.get();
        if (linuxNow != null && linuxNow.isBinding(device)) {
          firmwareLookup.run();
        }
      }
    };
  }

  private LinuxPci linuxOver(FakeMachine booted) {
    LinuxPci.Builder builder = LinuxPci.over(booted);
    for (RecordedFunction function : functions.values()) {
      SriovFacts facts = function.sriov();
      if (facts != null) {
        builder.sriov(function.address(), facts);
      }
    }
    // A function that comes back has the class it had.
    builder.classCodes(
        device ->
            Optional.ofNullable(functions.get(device.name()))
                .map(function -> String.format("%06x", function.classCode())));
    LinuxPci made = builder.build();
    running.set(made);
    return made;
  }

  private int classCode(PciDevice device) {
    RecordedFunction function = functions.get(device.name());
    return function == null ? 0 : function.classCode();
  }

  /** Lets the IOMMU appear if its driver is among the modules that are being loaded. */
  void startPersonaIfLoadedBy(TranscriptRecord modules) {
    if (modules.equals(driverLoad)) {
      startPersona();
    }
  }

  /** Lets the IOMMU appear. A driver that ignores a failed registration leaves nothing behind. */
  private void startPersona() {
    Persona starting = persona;
    if (starting == null || personaStarted) {
      return;
    }
    personaStarted = true;
    try {
      starting.start(machine.core());
    } catch (IommuException registrationFailed) {
      return;
    }
    linux.retryDeferred();
  }

  /** For people. */
  String description() {
    return "kernel " + boot.kernel() + ", " + boot.machine() + ", persona " + choice.kind();
  }

  IommuCore core() {
    return machine.core();
  }

  LinuxPci linux() {
    return linux;
  }

  FakeVfio vfio() {
    return vfio;
  }

  SysfsTree tree() {
    return tree;
  }

  /** Root's system calls. */
  SysfsProcess root() {
    return root;
  }

  void loadModules() {
    known.modules().stream()
        .filter(driver -> linux.driver(driver.name()).isEmpty())
        .forEach(linux::load);
  }

  void loadVfio() {
    if (linux.driver("vfio-pci").isEmpty()) {
      linux.load(vfio.driver());
    }
    requireDriver("pci-stub");
  }

  /** A driver that takes devices by override needs no table. */
  void requireDriver(String name) {
    if (linux.driver(name).isEmpty() && known.isAvailable(name)) {
      linux.load(name.equals("vfio-pci") ? vfio.driver() : KnownDrivers.byOverride(name));
    }
  }

  /** The driver that a function shows at this moment. */
  Optional<String> driverOf(String address) {
    return linux.find(address).flatMap(PciFunction::driver).map(LinuxDriver::name);
  }

  /** The address of a role; a role that is an address stands for itself. */
  Optional<String> addressOf(String role) {
    return Optional.ofNullable(
        addressOfRole.getOrDefault(role, functions.containsKey(role) ? role : null));
  }

  /** The device that an operation is about. */
  Optional<String> subject(TranscriptRecord record) {
    Optional<String> address = record.args().text("bdf");
    return address.isPresent() ? address : record.args().text("role").flatMap(this::addressOf);
  }

  private Optional<DevIommu> iommuSide(String address) {
    return linux.find(address).flatMap(function -> machine.core().deviceOf(function.device()));
  }

  /** The number of the group of a device. */
  Optional<Integer> groupOf(String address) {
    return iommuSide(address).map(side -> side.group().id());
  }

  /** The group that an operation names, or else that of its device. */
  Optional<Integer> subjectGroup(TranscriptRecord record) {
    Optional<Integer> named = record.args().number("group").map(Long::intValue);
    return named.filter(number -> number >= 0).or(() -> subject(record).flatMap(this::groupOf));
  }

  Optional<String> iommuOf(String address) {
    return iommuSide(address).map(side -> side.iommu().name());
  }

  static String directory(int group) {
    return GROUPS + group;
  }

  @Override
  public void close() {
    machine.closeForced();
  }
}
