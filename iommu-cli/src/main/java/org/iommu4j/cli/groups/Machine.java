package org.iommu4j.cli.groups;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.api.grouping.SplitAdvice;
import org.iommu4j.api.grouping.WhatIf;
import org.iommu4j.core.GroupForecast;
import org.jspecify.annotations.Nullable;

/**
 * A machine and what is foreseen for it.
 *
 * @param source where its description is from
 * @param topology the description
 * @param whatIf what was changed
 * @param prediction its groups
 * @param comparison with the recorded groups, null if not asked for
 * @param explained whether reasons were asked for
 */
record Machine(
    String source,
    PciTopology topology,
    WhatIf whatIf,
    GroupPrediction prediction,
    @Nullable Comparison comparison,
    boolean explained) {
  private static final Pattern FIRST_SEGMENT = Pattern.compile("(?<![0-9a-f:])0000:");

  boolean isExact() {
    return comparison != null && comparison.isExact();
  }

  SplitAdvice split(PredictedGroup group) {
    return GroupForecast.split(topology, whatIf, prediction, group);
  }

  /** What was missing in the description, and what the device tables took for granted. */
  List<String> notes() {
    List<String> notes = new ArrayList<>(topology.notes());
    for (PciDevice device : topology.devices()) {
      if (prediction.isolationOf(device).orElse(null) instanceof Isolation.WideAcs wide
          && wide.assumed()) {
        notes.add(
            brief(device.name())
                + " keeps its ACS control two bytes further than lspci looks (PCIQ-018): what the"
                + " kernel sets is taken to be on");
      }
    }
    return notes;
  }

  /** Addresses without the segment that nearly all machines have alone. */
  static String brief(String text) {
    return FIRST_SEGMENT.matcher(text).replaceAll("");
  }
}
