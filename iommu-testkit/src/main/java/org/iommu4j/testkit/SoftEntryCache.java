package org.iommu4j.testkit;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The SoftIOMMU's cache of device and PASID entries, whatever they say, until the device is
 * invalidated. Not thread-safe: its owner locks.
 */
final class SoftEntryCache {
  private final Map<Integer, Long> deviceEntries = new HashMap<>();
  private final Map<Integer, Map<Integer, Long>> pasidEntries = new HashMap<>();

  @Nullable Long deviceEntry(int streamId) {
    return deviceEntries.get(streamId);
  }

  @Nullable Long pasidEntry(int streamId, int pasid) {
    Map<Integer, Long> ofStream = pasidEntries.get(streamId);
    return ofStream == null ? null : ofStream.get(pasid);
  }

  void putDeviceEntry(int streamId, long entry) {
    deviceEntries.put(streamId, entry);
  }

  void putPasidEntry(int streamId, int pasid, long entry) {
    pasidEntries.computeIfAbsent(streamId, absent -> new HashMap<>()).put(pasid, entry);
  }

  void drop(int streamId) {
    deviceEntries.remove(streamId);
    pasidEntries.remove(streamId);
  }

  void dropAll() {
    deviceEntries.clear();
    pasidEntries.clear();
  }
}
