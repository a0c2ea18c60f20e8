package org.iommu4j.api.grouping;

import java.util.List;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;

/**
 * What would split a group, and into what; found by trying, not by reasoning.
 *
 * @param changes access control functions to be switched on, each of them needed; empty if nothing
 *     that access control can do splits the group
 * @param parts the members of the group as they would then be grouped, in the order of their
 *     probes; one part if nothing splits it
 */
public record SplitAdvice(List<Change> changes, List<List<Device>> parts) {
  /**
   * Copies the lists.
   *
   * @param changes what to switch on
   * @param parts what comes of it
   */
  public SplitAdvice {
    changes = List.copyOf(changes);
    parts = parts.stream().<List<Device>>map(List::copyOf).toList();
  }

  /**
   * One change.
   *
   * @param device the port or function
   * @param bits the {@code ACS_} bits to be switched on
   * @param possible whether the function implements them; if not, only other hardware helps
   */
  public record Change(PciDevice device, int bits, boolean possible) {
    /**
     * The change in words.
     *
     * @return for example {@code SV RR CR UF on 0000:00:01.0}
     */
    public String sentence() {
      return AcsBits.names(bits)
          + " on "
          + device
          + (possible ? "" : " (which does not implement them as far as is known)");
    }
  }

  /**
   * Whether there is a way.
   *
   * @return true if there are changes and more than one part
   */
  public boolean splits() {
    return parts.size() > 1;
  }
}
