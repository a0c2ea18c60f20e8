package org.iommu4j.testkit.conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.Device;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.Scheduler;

/** Runs a script on a core of its own and writes the trace. */
final class Interpreter {
  /** Nothing in a trace happens later. */
  private static final Scheduler NO_TIME =
      new Scheduler() {
        @Override
        public Runnable schedule(Duration delay, Runnable task) {
          return () -> {};
        }
      };

  private final Script script;
  private final Recording recording;
  private final Map<ScriptLine, Action> actions = new HashMap<>();
  private final List<String> output = new ArrayList<>();

  private Interpreter(Script script) {
    this.script = script;
    Map<Device, String> names = new HashMap<>();
    recording = new Recording(device -> names.getOrDefault(device, device.name()));
    var machine = new Machine(script, recording);
    names.putAll(machine.names());
    compile(machine);
  }

  /** Every op is understood before the first one runs. */
  private void compile(Machine machine) {
    var table = new OpTable();
    for (ScriptLine line : script.lines()) {
      if (line.kind() == ScriptLine.Kind.OP) {
        if (!line.text().startsWith("> ")) {
          throw line.error("an op begins with \"> \"");
        }
        actions.put(line, table.compile(machine, line, line.text().substring(2)));
      }
    }
  }

  /**
   * Runs a script. A core that breaks down shows as a verdict line, which no trace has.
   *
   * @return the lines of the trace
   * @throws ScriptException if a line is malformed; then nothing has run
   */
  static List<String> run(Script script) {
    return new Interpreter(script).run();
  }

  private List<String> run() {
    ScriptConfig config = script.config();
    var environment = new RecordingEnvironment(recording);
    IommuCore core =
        IommuCore.builder()
            .bootParameters(config.boot())
            .environment(environment)
            .dmaLayer(scheduler -> new RecordingDmaLayer(recording))
            .scheduler(NO_TIME)
            .tracer(new RecordingTracer(recording, config.events()))
            .build();
    if (config.locks()) {
      recording.recordLocks(core::lockContext);
    }
    if (config.query()) {
      recording.recordQueries();
    }
    try (var unannounced = new UnannouncedDomains(emptyCore())) {
      var session = new Session(core, unannounced, recording, environment);
      var states = new GroupStates(core, recording, config.allStates());
      script.lines().forEach(line -> step(line, session, states));
    } catch (RuntimeException broken) {
      output.add("! the core cannot tell its state: " + broken);
    }
    try {
      core.closeForced();
    } catch (RuntimeException broken) {
      output.add("! the core cannot be closed: " + broken);
    }
    return output;
  }

  /** A core that nobody sees. */
  private static IommuCore emptyCore() {
    var unseen = new Recording(Device::name);
    return IommuCore.builder()
        .dmaLayer(scheduler -> new RecordingDmaLayer(unseen))
        .scheduler(NO_TIME)
        .build();
  }

  private void step(ScriptLine line, Session session, GroupStates states) {
    switch (line.kind()) {
      case COMMENT, CONFIG, INSTANCE, DEVICE -> output.add(line.text());
      case OP -> {
        // What the start of the core had to say, before the first op.
        output.addAll(recording.drain());
        output.add(line.text());
        Action action = actions.get(line);
        String result = action == null ? "" : session.result(action);
        output.addAll(recording.drain());
        output.add("= " + result);
        output.addAll(states.lines());
      }
      case BLANK, OUTPUT -> {}
    }
  }
}
