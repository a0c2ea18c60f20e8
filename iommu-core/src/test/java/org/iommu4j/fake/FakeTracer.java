package org.iommu4j.fake;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.api.Violation;
import org.jspecify.annotations.Nullable;

/** A tracer that writes events into the journal and collects messages and violations. */
public final class FakeTracer implements IommuTracer {
  /** Every message, in order. */
  public final List<CoreMessage> messages = new ArrayList<>();

  /** The texts of the messages. */
  public final List<String> texts = new ArrayList<>();

  private final List<Violation> violations = new ArrayList<>();
  private final Witness witness;

  FakeTracer(Witness witness) {
    this.witness = witness;
  }

  private void note(String callback, Object subject, String line) {
    witness.run("trace." + callback, subject, "event " + line, () -> {});
  }

  @Override
  public void deviceAdded(IommuGroup group, Device device) {
    note("device_added", device, "add g" + group.id() + " " + device);
  }

  @Override
  public void deviceRemoved(IommuGroup group, Device device) {
    note("device_removed", device, "remove g" + group.id() + " " + device);
  }

  @Override
  public void attached(Device device, Domain domain) {
    note("attached", device, "attach " + device);
  }

  @Override
  public void mapped(Domain domain, long iova, long paddr, long size) {
    note("mapped", domain, String.format("map 0x%x 0x%x 0x%x", iova, paddr, size));
  }

  @Override
  public void unmapped(Domain domain, long iova, long size, long unmapped) {
    note("unmapped", domain, String.format("unmap 0x%x 0x%x 0x%x", iova, size, unmapped));
  }

  @Override
  public void fault(Device device, long iova, FaultAccess access) {
    note("fault", device, String.format("fault %s 0x%x %d", device, iova, access.flags()));
  }

  @Override
  public void violation(Violation violation) {
    violations.add(violation);
    witness.hooks.enter("trace.violation", violation.token());
  }

  @Override
  public void message(CoreMessage message, @Nullable Device device, String text) {
    messages.add(message);
    texts.add(text);
    witness.hooks.enter("trace.message", message);
  }

  /** The violations so far as "rule token"; they are forgotten. */
  public List<String> takeViolations() {
    List<String> taken = violations.stream().map(v -> v.rule() + " " + v.token()).toList();
    violations.clear();
    return taken;
  }

  /** The full text of the violations so far; they stay. */
  public List<String> violationTexts() {
    return violations.stream().map(Violation::toString).toList();
  }
}
