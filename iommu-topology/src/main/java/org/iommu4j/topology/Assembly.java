package org.iommu4j.topology;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.jspecify.annotations.Nullable;

/** Makes a topology of the functions that a reader has found, whatever the format. */
final class Assembly {
  private static final int IOMMU_CLASS = 0x0806;
  private static final int RAID_CLASS = 0x0104;
  private static final int AMD = 0x1022;
  private static final int ATI = 0x1002;
  private static final int INTEL = 0x8086;
  private static final int FIRST_CREATED_SEGMENT = 0x10000;

  private final PciTopology.Builder builder;
  private final String sourceName;
  private final List<FunctionFacts> functions;

  Assembly(PciTopology.Builder builder, String sourceName, List<FunctionFacts> functions) {
    this.builder = builder;
    this.sourceName = sourceName;
    this.functions = functions;
  }

  /**
   * Decides what counts, the ACS that was read or the isolation that was inferred from the groups,
   * and says so.
   *
   * @param acsMeasured what the description says about itself, null if nothing
   */
  void settle(@Nullable Boolean acsMeasured) {
    boolean read =
        acsMeasured != null
            ? acsMeasured
            : functions.stream().anyMatch(function -> function.acsCapability != null);
    boolean inferred = false;
    int unknown = 0;
    int controls = 0;
    for (FunctionFacts function : functions) {
      function.acsRead = read && !function.capabilitiesDenied;
      if (function.acsRead || function.acsCapability != null) {
        function.isolated = null;
      }
      inferred |= function.isolated != null;
      unknown += function.acsRead || function.acsCapability != null ? 0 : 1;
      controls += function.acsCapability != null && function.acsControl == null ? 1 : 0;
    }
    if (inferred) {
      builder.note(
          "no ACS bits were measured on this machine: whether functions are isolated is inferred"
              + " from the groups recorded there (acs_effective_inferred)");
    } else if (unknown > 0) {
      builder.note(
          counted(unknown, "function")
              + " without ACS information: no ACS capability is assumed, so groups may come out"
              + " larger than they are");
    }
    if (controls > 0) {
      builder.note(
          "the ACS control bits of "
              + counted(controls, "function")
              + " are not given: what is implemented is taken for switched on");
    }
  }

  static String counted(int number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  PciTopology assemble() {
    markAmd();
    findDmaDevices();
    Map<String, Integer> lines = new HashMap<>();
    Surroundings surroundings = new Surroundings();
    for (FunctionFacts function : functions) {
      try {
        PciTopology.FunctionBuilder added = builder.function(function.address);
        lines.put(added.name(), function.line);
        surroundings.add(added.name(), function);
        function.describe(added, surroundings);
      } catch (TopologyException e) {
        throw e.at(sourceName, function.line);
      }
    }
    try {
      return builder.build();
    } catch (TopologyException e) {
      throw e.at(sourceName, e.device().map(lines::get).orElse(0));
    }
  }

  /** An AMD IOMMU shows itself as a function, and then firmware has an IVRS table (PCIQ-010). */
  private void markAmd() {
    boolean amd = functions.stream().anyMatch(Assembly::isAmdIommu);
    functions.forEach(function -> function.amdIommu = amd);
  }

  private static boolean isAmdIommu(FunctionFacts function) {
    return function.classNumber() >> 8 == IOMMU_CLASS
        && (function.vendor == AMD || function.vendor == ATI);
  }

  /**
   * What is on a bus that a volume management controller created does its DMA as that controller
   * (PCIQ-084). Such buses have segments above those of firmware, in the order of the controllers.
   */
  private void findDmaDevices() {
    TreeSet<Integer> created = new TreeSet<>();
    functions.forEach(function -> created.add(segment(function)));
    List<Integer> segments = new ArrayList<>(created.tailSet(FIRST_CREATED_SEGMENT));
    if (segments.isEmpty()) {
      return;
    }
    List<String> controllers =
        functions.stream()
            .filter(Assembly::isVolumeController)
            .map(function -> function.address)
            .sorted()
            .toList();
    if (controllers.isEmpty()) {
      builder.note(
          "there is a PCI segment above ffff, but no volume management controller to which it could"
              + " belong: its functions are taken to do their DMA themselves");
      return;
    }
    Map<Integer, String> issuers = new HashMap<>();
    for (int i = 0; i < segments.size(); i++) {
      issuers.put(segments.get(i), controllers.get(Math.min(i, controllers.size() - 1)));
    }
    for (FunctionFacts function : functions) {
      if (function.dmaDevice == null) {
        function.dmaDevice = issuers.get(segment(function));
      }
    }
  }

  private static int segment(FunctionFacts function) {
    int colon = function.address.indexOf(':');
    boolean named = colon >= 4 && colon <= 7;
    try {
      return named ? Integer.parseInt(function.address.substring(0, colon), 16) : 0;
    } catch (NumberFormatException e) {
      return 0; // refused in a moment, when it is added
    }
  }

  private static boolean isVolumeController(FunctionFacts function) {
    boolean byName =
        Objects.requireNonNullElse(function.description, "").contains("Volume Management Device");
    boolean byId =
        switch (function.device) {
          case 0x201d, 0x28c0, 0x467f, 0x4c3d, 0x7d0b, 0x9a0b, 0xa77f, 0xad0b, 0xb06f, 0xb60b ->
              function.vendor == INTEL;
          default -> false;
        };
    return segment(function) < FIRST_CREATED_SEGMENT
        && (byId || byName)
        && (function.classNumber() == 0 || function.classNumber() >> 8 == RAID_CLASS);
  }
}
