package org.iommu4j.api.grouping;

import java.util.List;
import org.iommu4j.api.Device;

/**
 * A group as it is foreseen.
 *
 * @param id the lowest number that is free when the first member is probed, from 0
 * @param members in the order in which they join, at least one
 */
public record PredictedGroup(int id, List<Member> members) {
  /**
   * Copies the list.
   *
   * @param id at least 0
   * @param members at least one
   */
  public PredictedGroup {
    members = List.copyOf(members);
  }

  /**
   * A member and how it came in.
   *
   * @param device the member
   * @param reasons the steps from the device to the member whose group it found; empty for the
   *     member for which the group was made, and only for that
   */
  public record Member(Device device, List<MergeReason> reasons) {
    /**
     * Copies the list.
     *
     * @param device the member
     * @param reasons the steps
     */
    public Member {
      reasons = List.copyOf(reasons);
    }
  }

  /**
   * The members without their reasons.
   *
   * @return in the order in which they join
   */
  public List<Device> devices() {
    return members.stream().map(Member::device).toList();
  }
}
