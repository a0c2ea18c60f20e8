package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A script that was read: its lines, and what its definitions say.
 *
 * @param lines all lines, those that a recorder printed included
 * @param config the configuration
 * @param instances by name, in the order of definition
 * @param devices by name, in the order of definition
 */
record Script(
    List<ScriptLine> lines,
    ScriptConfig config,
    Map<String, Defined<InstanceSpec>> instances,
    Map<String, Defined<DeviceSpec>> devices) {
  /**
   * A definition and where it stands.
   *
   * @param <T> what is defined
   * @param line the line
   * @param spec the definition
   */
  record Defined<T>(ScriptLine line, T spec) {}

  static Script parse(String source, List<String> texts) {
    List<ScriptLine> lines = new ArrayList<>();
    ScriptConfig config = null;
    Map<String, Defined<InstanceSpec>> instances = new LinkedHashMap<>();
    Map<String, Defined<DeviceSpec>> devices = new LinkedHashMap<>();
    boolean started = false;
    for (String text : texts) {
      ScriptLine line = new ScriptLine(source, lines.size() + 1, text);
      lines.add(line);
      switch (line.kind()) {
        case CONFIG -> {
          checkFirst(line, config, started);
          config = ScriptConfig.parse(line);
        }
        case INSTANCE -> {
          InstanceSpec spec = InstanceSpec.parse(line);
          define(instances, spec.name(), new Defined<>(line, spec));
        }
        case DEVICE -> {
          DeviceSpec spec = DeviceSpec.parse(line);
          define(devices, spec.name(), new Defined<>(line, spec));
        }
        case OP -> started = true;
        case BLANK, COMMENT, OUTPUT -> {}
      }
    }
    return new Script(lines, config == null ? ScriptConfig.DEFAULT : config, instances, devices);
  }

  /** A file that was cut off before its first op must not count as one that matches. */
  void requireOp(String source) {
    if (lines.stream().noneMatch(line -> line.kind() == ScriptLine.Kind.OP)) {
      throw new ScriptException(source, Math.max(1, lines.size()), "a trace without an op");
    }
  }

  private static void checkFirst(ScriptLine line, @Nullable ScriptConfig before, boolean started) {
    if (before != null) {
      throw line.error("a second config line");
    }
    if (started) {
      throw line.error("config comes before the first op");
    }
  }

  private static <T> void define(Map<String, Defined<T>> all, String name, Defined<T> one) {
    Defined<T> before = all.putIfAbsent(name, one);
    if (before != null) {
      throw one.line().error(name + " is defined in line " + before.line().number() + " already");
    }
  }
}
