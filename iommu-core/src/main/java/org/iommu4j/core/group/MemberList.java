package org.iommu4j.core.group;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.Device;
import org.jspecify.annotations.Nullable;

/**
 * The members of a group in the order in which they joined (CORE-007), found by device in constant
 * time however large the group is. Guarded by the group lock.
 */
final class MemberList implements Iterable<Member> {
  private final Map<Device, Member> members = new LinkedHashMap<>();

  void add(Member member) {
    members.put(member.device(), member);
  }

  void remove(Member member) {
    members.remove(member.device());
  }

  @Nullable Member find(Device device) {
    return members.get(device);
  }

  /** The head of the list, whose driver speaks for the group (CORE-008). */
  @Nullable Member first() {
    return members.isEmpty() ? null : members.values().iterator().next();
  }

  boolean isEmpty() {
    return members.isEmpty();
  }

  int size() {
    return members.size();
  }

  List<Member> copy() {
    return List.copyOf(members.values());
  }

  @Override
  public Iterator<Member> iterator() {
    return members.values().iterator();
  }
}
