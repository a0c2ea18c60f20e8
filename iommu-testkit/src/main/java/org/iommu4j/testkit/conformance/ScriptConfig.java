package org.iommu4j.testkit.conformance;

import java.util.Map;
import org.iommu4j.api.BootParameters;
import org.jspecify.annotations.Nullable;

/**
 * The {@code config} line of a script.
 *
 * @param boot command line and platform
 * @param events whether trace events and known messages are written
 * @param locks whether callbacks say which locks are held
 * @param query whether the driver asks for its current domain inside attaches
 * @param allStates whether every group is written after every op, or only changed ones
 */
record ScriptConfig(
    BootParameters boot, boolean events, boolean locks, boolean query, boolean allStates) {
  static final ScriptConfig DEFAULT =
      new ScriptConfig(BootParameters.NONE, false, false, false, false);

  static ScriptConfig parse(ScriptLine line) {
    var keys = new Attributes(line, line.words().subList(1, line.words().size()));
    BootParameters boot =
        BootParameters.NONE
            .withPassthrough(bootText(keys, "passthrough"))
            .withStrict(bootText(keys, "strict"))
            .withMemoryEncrypted(keys.yes("encrypt", false));
    boolean events = keys.bit("events");
    boolean locks = keys.bit("locks");
    boolean query = keys.bit("query");
    // Permits what the recorder would have refused; the replay refuses nothing.
    keys.text("allow");
    boolean all = keys.choice("state", "changes", Map.of("changes", false, "all", true));
    keys.finish();
    return new ScriptConfig(boot, events, locks, query, all);
  }

  private static @Nullable String bootText(Attributes keys, String key) {
    String text = keys.text(key, "unset");
    return text.equals("unset") ? null : text;
  }
}
