package org.iommu4j.api;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The PCI functions of one machine and what was recorded about them there.
 *
 * <p>Readers of machine descriptions make topologies; group forming and fake machines take them. A
 * topology holds no state of a core, so several cores may use one. Immutable and thread-safe, as
 * long as nobody builds further functions onto its buses.
 */
public final class PciTopology {
  private final String machine;
  private final @Nullable String description;
  private final List<PciBus> rootBuses;
  private final List<PciDevice> devices;
  private final Map<String, PciDevice> byName;
  private final Map<PciDevice, Recorded> recorded;
  private final SortedMap<Integer, List<PciDevice>> recordedGroups;
  private final List<String> notes;

  /** How the isolation facts of a function (ACS, port type) came to be known. */
  public enum AcsEvidence {
    /** Read from the configuration space of the machine, or given by whoever built the topology. */
    MEASURED,
    /** Read back from the groups that were recorded on the machine. */
    INFERRED,
    /** Not known: a reader put in what is most likely, and says so in {@link #notes}. */
    ASSUMED
  }

  /** What is known of a function besides its {@link PciDevice}. */
  record Recorded(
      @Nullable Integer group,
      @Nullable String driver,
      @Nullable String classCode,
      @Nullable String description,
      AcsEvidence acsEvidence,
      @Nullable PciBus below) {
    private static final Recorded NOTHING =
        new Recorded(null, null, null, null, AcsEvidence.ASSUMED, null);
  }

  PciTopology(Builder builder, List<PciBus> rootBuses, Map<PciDevice, Recorded> recorded) {
    this.machine = builder.machine;
    this.description = builder.description;
    this.rootBuses = List.copyOf(rootBuses);
    this.devices = List.copyOf(recorded.keySet());
    this.recorded = Map.copyOf(recorded);
    Map<String, PciDevice> names = new LinkedHashMap<>();
    SortedMap<Integer, List<PciDevice>> groups = new TreeMap<>();
    for (PciDevice device : devices) {
      names.put(device.name(), device);
      Integer group = recordedOf(device).group();
      if (group != null) {
        groups.computeIfAbsent(group, number -> new ArrayList<>()).add(device);
      }
    }
    groups.replaceAll((number, members) -> List.copyOf(members));
    this.byName = Map.copyOf(names);
    this.recordedGroups = Collections.unmodifiableSortedMap(groups);
    this.notes = List.copyOf(builder.notes);
  }

  /**
   * Starts the description of a machine.
   *
   * @param machine its name
   * @return a builder without functions
   */
  public static Builder builder(String machine) {
    return new Builder(machine);
  }

  /**
   * The name of the machine.
   *
   * @return for example {@code eve}
   */
  public String machine() {
    return machine;
  }

  /**
   * What kind of machine it is, for people.
   *
   * @return empty if nothing was said
   */
  public Optional<String> description() {
    return Optional.ofNullable(description);
  }

  /**
   * What the reader of the machine's description missed, and what it assumed instead.
   *
   * @return one sentence each, for people; empty if nothing was missing
   */
  public List<String> notes() {
    return notes;
  }

  /**
   * The buses that no bridge leads to.
   *
   * @return ordered by segment and number
   */
  public List<PciBus> rootBuses() {
    return rootBuses;
  }

  /**
   * All functions in the order of a bus scan: by segment, bus, slot and function.
   *
   * @return a bridge always comes before everything below it
   */
  public List<PciDevice> devices() {
    return devices;
  }

  /**
   * Finds a function by its address.
   *
   * @param address for example {@code 0000:01:00.0}; the segment may be left out if it is 0
   * @return empty if there is no such function, or if the text is no address
   */
  public Optional<PciDevice> find(String address) {
    PciAddress place = PciAddress.parse(address);
    return place == null ? Optional.empty() : Optional.ofNullable(byName.get(place.toString()));
  }

  /**
   * The bus that a bridge leads to, which may be empty.
   *
   * @param bridge any function
   * @return empty for a function that is no bridge of this topology, and for a bridge that was
   *     never given a bus number
   */
  public Optional<PciBus> busBelow(PciDevice bridge) {
    return Optional.ofNullable(recordedOf(bridge).below());
  }

  /**
   * The IOMMU group that the real machine put a function into.
   *
   * @param device any function
   * @return at least 0; empty if the function had no group there, or is not in this topology
   */
  public OptionalInt recordedGroup(PciDevice device) {
    Integer group = recordedOf(device).group();
    return group == null ? OptionalInt.empty() : OptionalInt.of(group);
  }

  /**
   * The IOMMU groups of the real machine.
   *
   * @return the members of each group in scan order, by group number; functions without group are
   *     left out
   */
  public SortedMap<Integer, List<PciDevice>> recordedGroups() {
    return recordedGroups;
  }

  /**
   * The driver that a function was bound to.
   *
   * @param device any function
   * @return empty if it had none, or is not in this topology
   */
  public Optional<String> driver(PciDevice device) {
    return Optional.ofNullable(recordedOf(device).driver());
  }

  /**
   * The class of a function as it was written down.
   *
   * @param device any function
   * @return for example {@code 020000}, an Ethernet controller; empty if unknown
   */
  public Optional<String> classCode(PciDevice device) {
    return Optional.ofNullable(recordedOf(device).classCode());
  }

  /**
   * What a function is, for people.
   *
   * @param device any function
   * @return empty if nothing was said
   */
  public Optional<String> description(PciDevice device) {
    return Optional.ofNullable(recordedOf(device).description());
  }

  /**
   * How the isolation facts of a function came to be known.
   *
   * @param device any function
   * @return {@link AcsEvidence#ASSUMED} for a function that is not in this topology
   */
  public AcsEvidence acsEvidence(PciDevice device) {
    return recordedOf(device).acsEvidence();
  }

  private Recorded recordedOf(PciDevice device) {
    return recorded.getOrDefault(device, Recorded.NOTHING);
  }

  @Override
  public String toString() {
    return machine + " (" + devices.size() + " PCI functions)";
  }

  /** Collects the functions of a machine, in any order. Not thread-safe. */
  public static final class Builder {
    private final String machine;
    private @Nullable String description;
    private final SortedMap<PciAddress, FunctionBuilder> functions = new TreeMap<>();
    private final List<String> notes = new ArrayList<>();

    private Builder(String machine) {
      this.machine = machine;
    }

    /**
     * Says what kind of machine it is.
     *
     * @param text for people, or null
     * @return this
     */
    public Builder description(@Nullable String text) {
      description = text;
      return this;
    }

    /**
     * Says what was missing in a description and what is assumed instead.
     *
     * @param sentence for people
     * @return this
     */
    public Builder note(String sentence) {
      notes.add(sentence);
      return this;
    }

    /**
     * Adds a function.
     *
     * @param address segment (0 if left out), bus, slot and function in hexadecimal, for example
     *     {@code 0000:01:00.0}
     * @return the description of the function, to be completed before {@link #build}
     * @throws TopologyException if the text is no address, or the function was added before
     */
    public FunctionBuilder function(String address) {
      PciAddress place = PciAddress.parse(address);
      if (place == null) {
        throw new TopologyException(null, "'" + address + "' is not a PCI address");
      }
      FunctionBuilder function = new FunctionBuilder(place);
      if (functions.putIfAbsent(place, function) != null) {
        throw new TopologyException(place.toString(), "is listed twice");
      }
      return function;
    }

    /**
     * Creates the buses and, from the roots down, the functions on them.
     *
     * @return a topology with devices of its own
     * @throws TopologyException if the machine cannot exist: a parent that is missing, is no
     *     bridge, lies in another segment or is its own descendant; a bus number that is not above
     *     the bridge's own bus; two ways to one bus; a function on a bus that its parent does not
     *     lead to; a DMA device that is missing or does not come before its function
     */
    public PciTopology build() {
      TopologyAssembly assembly = new TopologyAssembly(functions);
      Map<PciDevice, Recorded> made = assembly.assemble();
      return new PciTopology(this, assembly.rootBuses(), made);
    }
  }

  /** Collects the facts about one function of a machine. */
  public static final class FunctionBuilder {
    /** No number was given. */
    static final int UNKNOWN = -1;

    final PciAddress address;
    private final String name;
    @Nullable PciAddress parent;
    @Nullable PciAddress dmaDevice;
    int secondaryBus = UNKNOWN;
    int subordinateBus = UNKNOWN;
    BiConsumer<PciDevice.Builder, PciBus> facts = (device, bus) -> {};
    private @Nullable Integer group;
    private @Nullable String driver;
    private @Nullable String classCode;
    private @Nullable String description;
    private AcsEvidence acsEvidence = AcsEvidence.MEASURED;

    private FunctionBuilder(PciAddress address) {
      this.address = address;
      this.name = address.toString();
    }

    /**
     * The address in its usual form.
     *
     * @return with segment and in lower case, for example {@code 0000:01:00.0}
     */
    public String name() {
      return name;
    }

    /**
     * Names the bridge above. Without a name it is the bridge that leads to the function's bus; if
     * there is none, the function sits on a root bus.
     *
     * @param bridge the bridge's address
     * @return this
     * @throws TopologyException if the text is no address
     */
    public FunctionBuilder below(String bridge) {
      parent = PciAddress.parse(bridge);
      if (parent == null) {
        throw new TopologyException(name, "its parent '" + bridge + "' is not a PCI address");
      }
      return this;
    }

    /**
     * Makes the function a bridge. The number may be left out if another function is {@link #below}
     * this one: then its bus is the one.
     *
     * @param number the bus it leads to, above its own bus and up to 0xff; 0 if it leads nowhere
     * @return this
     * @throws TopologyException outside 0..0xff
     */
    public FunctionBuilder secondaryBus(int number) {
      secondaryBus = checkBus("secondary", number);
      return this;
    }

    /**
     * Says how far the bridge forwards. Functions on a bus up to this one, to which no bridge
     * leads, hang on a virtual bus.
     *
     * @param number the last bus below the bridge, not below its secondary bus; 0 if it leads
     *     nowhere
     * @return this
     * @throws TopologyException outside 0..0xff
     */
    public FunctionBuilder subordinateBus(int number) {
      subordinateBus = checkBus("subordinate", number);
      return this;
    }

    private int checkBus(String which, int number) {
      if (number < 0 || number > 0xff) {
        throw new TopologyException(
            name, String.format("its %s bus 0x%x is not within 0..0xff", which, number));
      }
      return number;
    }

    /**
     * Gives the facts that shape groups: port type, multifunction bit, ACS, ids and so on.
     *
     * @param description called by {@link Builder#build}, for bridges before the functions below
     *     them, with the builder of the device and the bus it sits on; it must not build the device
     * @return this
     */
    public FunctionBuilder facts(BiConsumer<PciDevice.Builder, PciBus> description) {
      facts = description;
      return this;
    }

    /**
     * Names the function that issues the DMA of this one (PCIQ-084).
     *
     * @param issuer its address, which must come before this one in a bus scan
     * @return this
     * @throws TopologyException if the text is no address
     */
    public FunctionBuilder dmaDevice(String issuer) {
      dmaDevice = PciAddress.parse(issuer);
      if (dmaDevice == null) {
        throw new TopologyException(name, "its DMA device '" + issuer + "' is not a PCI address");
      }
      return this;
    }

    /**
     * Says how the isolation facts of the function are known.
     *
     * @param evidence {@link AcsEvidence#MEASURED} by default
     * @return this
     */
    public FunctionBuilder acsEvidence(AcsEvidence evidence) {
      acsEvidence = evidence;
      return this;
    }

    /**
     * Records the IOMMU group on the real machine.
     *
     * @param number at least 0
     * @return this
     * @throws TopologyException if negative
     */
    public FunctionBuilder recordedGroup(int number) {
      if (number < 0) {
        throw new TopologyException(name, "its IOMMU group " + number + " is negative");
      }
      group = number;
      return this;
    }

    /**
     * Records the driver that the function was bound to.
     *
     * @param boundTo null if it had none
     * @return this
     */
    public FunctionBuilder driver(@Nullable String boundTo) {
      driver = boundTo;
      return this;
    }

    /**
     * Records the class.
     *
     * @param code base class, sub-class and interface as hexadecimal text, or null
     * @return this
     */
    public FunctionBuilder classCode(@Nullable String code) {
      classCode = code;
      return this;
    }

    /**
     * Says what the function is.
     *
     * @param text for people, or null
     * @return this
     */
    public FunctionBuilder description(@Nullable String text) {
      description = text;
      return this;
    }

    Recorded recorded(@Nullable PciBus below) {
      return new Recorded(group, driver, classCode, description, acsEvidence, below);
    }
  }
}
