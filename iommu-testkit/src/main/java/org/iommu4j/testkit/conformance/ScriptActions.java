package org.iommu4j.testkit.conformance;

import java.util.Set;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;

/** What a script does to its surroundings: faults and hooks. */
final class ScriptActions {
  private static final Set<String> CALLBACKS =
      Set.of(
          "probe_device",
          "device_group",
          "attach",
          "set_dev_pasid",
          "domain_alloc",
          "map_pages",
          "unmap_pages",
          "iotlb_sync_map",
          "env.member_link",
          "env.devices_link",
          "env.instance_link",
          "env.group_alloc",
          "env.group_dir",
          "env.group_devices_dir",
          "env.group_file",
          "env.dma_cookie",
          "env.flush_queue",
          "env.module");

  /** Callbacks that can return null. */
  private static final Set<String> NULLABLE = Set.of("device_group", "domain_alloc");

  /** Callbacks that can do less than asked. */
  private static final Set<String> PARTIAL = Set.of("map_pages", "unmap_pages");

  private final OpTable table;

  private ScriptActions(OpTable table) {
    this.table = table;
  }

  static void addTo(OpTable table) {
    table.add("fail", ScriptActions::fail);
    table.add("hook", new ScriptActions(table)::hook);
  }

  private static Action fail(Words words) {
    if (words.optional("clear")) {
      return Action.ok(session -> session.recording().faults().clear());
    }
    String callback = words.word("CB");
    if (!CALLBACKS.contains(callback)) {
      throw words.error("\"" + callback + "\" cannot fail");
    }
    String subject = words.word("WHO");
    boolean always = words.optional("always");
    int call = always ? 0 : words.decimal("N");
    if (!always && call < 1) {
      throw words.error("N counts from 1");
    }
    FaultPlan.Fault fault = fault(words, callback);
    return Action.ok(
        session -> {
          FaultPlan plan = session.recording().faults();
          if (always) {
            plan.failAlways(callback, subject, fault);
          } else {
            plan.failOnce(callback, subject, call, fault);
          }
        });
  }

  private static FaultPlan.Fault fault(Words words, String callback) {
    Errno errno = null;
    if (!(NULLABLE.contains(callback) && words.optional("NULL"))
        && !(PARTIAL.contains(callback) && words.optional("short"))) {
      errno = words.errno();
    }
    return new FaultPlan.Fault(errno, words.more() ? words.hex("AMOUNT") : null);
  }

  private Action hook(Words words) {
    String callback = words.word("probe_finalize");
    if (!callback.equals("probe_finalize")) {
      throw words.error("only probe_finalize can be hooked");
    }
    Device device = words.device();
    String text = words.rest("OP");
    Action action = table.compile(words.machine(), words.line(), text);
    return Action.ok(
        session ->
            session
                .recording()
                .onFinalize(
                    session.recording().name(device),
                    () -> {
                      session.recording().effect("hook " + text);
                      session.recording().effect("hook = " + session.result(action));
                    }));
  }
}
