package org.iommu4j.testkit.conformance;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/** The ops of the trace format (section 8) by name. */
final class OpTable {
  private final Map<String, Function<Words, Action>> ops = new HashMap<>();

  OpTable() {
    BusActions.addTo(this);
    GroupActions.addTo(this);
    OwnerActions.addTo(this);
    DomainActions.addTo(this);
    MappingActions.addTo(this);
    PasidActions.addTo(this);
    ScriptActions.addTo(this);
  }

  /** Adds an op; the function takes its words and leaves none. */
  void add(String name, Function<Words, Action> op) {
    if (ops.put(name, op) != null) {
      throw new IllegalStateException("two ops are called " + name);
    }
  }

  /**
   * Understands an op.
   *
   * @param machine what it may name
   * @param line where it stands
   * @param text the op without the leading {@code >}
   * @throws ScriptException if it is malformed
   */
  Action compile(Machine machine, ScriptLine line, String text) {
    var words = new Words(machine, line, text);
    String name = words.word("the op");
    Function<Words, Action> op = ops.get(name);
    if (op == null) {
      throw words.error("unknown op \"" + name + "\"");
    }
    Action action = op.apply(words);
    words.end();
    return action;
  }
}
