package org.iommu4j.core.grouping;

import java.util.BitSet;

/**
 * A set of device ids of one vendor, written as the tables write it: {@code 10e1, 10e6..10e8, even
 * 1d10..1d1e}, in hexadecimal.
 */
final class DeviceIds {
  private static final int COUNT = 0x10000;

  private final BitSet ids = new BitSet(COUNT);

  private DeviceIds() {}

  static DeviceIds of(String list) {
    DeviceIds made = new DeviceIds();
    for (String item : list.split(",", -1)) {
      made.add(item.strip());
    }
    return made;
  }

  static DeviceIds any() {
    DeviceIds made = new DeviceIds();
    made.ids.set(0, COUNT);
    return made;
  }

  private void add(String item) {
    boolean even = item.startsWith("even ");
    String range = even ? item.substring("even ".length()) : item;
    int dots = range.indexOf("..");
    int first = Integer.parseInt(dots < 0 ? range : range.substring(0, dots), 16);
    int last = dots < 0 ? first : Integer.parseInt(range.substring(dots + 2), 16);
    for (int id = first; id <= last; id += even ? 2 : 1) {
      ids.set(id);
    }
  }

  boolean contains(int id) {
    return ids.get(id);
  }

  int size() {
    return ids.cardinality();
  }
}
