package org.iommu4j.testkit.conformance;

import java.util.Set;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.api.Violation;
import org.jspecify.annotations.Nullable;

/** Writes violations, and if wanted events and known messages, to a recording. */
public final class RecordingTracer implements IommuTracer {
  /** Messages that a trace does not know. */
  private static final Set<CoreMessage> UNKNOWN =
      Set.of(CoreMessage.DEFAULT_DOMAIN_TYPE, CoreMessage.INVALIDATION_POLICY);

  private final Recording recording;
  private final boolean events;

  /**
   * Creates a tracer.
   *
   * @param recording where to write
   * @param events whether events and messages are written; violations always are
   */
  public RecordingTracer(Recording recording, boolean events) {
    this.recording = recording;
    this.events = events;
  }

  @Override
  public void deviceAdded(IommuGroup group, Device device) {
    event("add g" + group.id() + " " + recording.name(device));
  }

  @Override
  public void deviceRemoved(IommuGroup group, Device device) {
    event("remove g" + group.id() + " " + recording.name(device));
  }

  @Override
  public void attached(Device device, Domain domain) {
    event("attach " + recording.name(device));
  }

  @Override
  public void mapped(Domain domain, long iova, long paddr, long size) {
    event(String.format("map %x %x %x", iova, paddr, size));
  }

  @Override
  public void unmapped(Domain domain, long iova, long size, long unmapped) {
    event(String.format("unmap %x %x %x", iova, size, unmapped));
  }

  @Override
  public void fault(Device device, long iova, FaultAccess access) {
    event(String.format("fault %s %x %d", recording.name(device), iova, access.flags()));
  }

  private void event(String text) {
    if (events) {
      recording.effect("event " + text);
    }
  }

  @Override
  public void violation(Violation violation) {
    String rule = violation.rule() == 0 ? "LIB" : String.format("CORE-%03d", violation.rule());
    recording.effect("warn " + rule + " " + violation.token());
  }

  @Override
  public void message(CoreMessage message, @Nullable Device device, String text) {
    if (events && !UNKNOWN.contains(message)) {
      recording.effect("log " + message.token());
    }
  }
}
