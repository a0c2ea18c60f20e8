package org.iommu4j.topology;

import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.iommu4j.api.PciTopology;
import org.jspecify.annotations.Nullable;

/** One machine description while it is read: first all of the text, then the functions it names. */
final class MachineText {
  private static final int SCHEMA = 1;

  /** What tools print for vendor and product of boards without firmware tables. */
  private static final Pattern NOTHING = Pattern.compile("(?:\\s*None)*\\s*");

  private final JsonText text;
  private final List<FunctionFacts> functions = new ArrayList<>();
  private @Nullable String machine;
  private @Nullable String system;
  private @Nullable String cpu;
  private @Nullable Boolean acsMeasured;
  private boolean listed;

  MachineText(JsonText text) {
    this.text = text;
  }

  PciTopology read() throws IOException {
    if (text.next() != JsonToken.START_OBJECT) {
      throw text.refusal("the text does not begin with a JSON object");
    }
    for (String name = text.nextName(); name != null; name = text.nextName()) {
      readMember(name);
    }
    if (text.next() != null) {
      throw text.refusal("the text goes on after the machine");
    }
    if (!listed) {
      throw text.refusal("there is no list 'devices': not a machine description");
    }
    return assemble();
  }

  private void readMember(String name) throws IOException {
    switch (name) {
      case "schema" -> {
        Integer schema = text.number(name, Integer.MAX_VALUE);
        if (schema != null && schema != SCHEMA) {
          throw text.refusal("schema " + schema + " is not known, only " + SCHEMA);
        }
      }
      case "machine" -> machine = text.label(name);
      case "system" -> system = said(text.label(name));
      case "cpu" -> cpu = said(text.label(name));
      case "acs_measured" -> acsMeasured = text.truth(name);
      case "devices" -> readDevices();
      default -> text.skip();
    }
  }

  private static @Nullable String said(@Nullable String text) {
    return text == null || NOTHING.matcher(text).matches() ? null : text;
  }

  private void readDevices() throws IOException {
    if (!text.isAt(JsonToken.START_ARRAY)) {
      throw text.wrong("devices", "a list");
    }
    listed = true;
    while (text.next() != JsonToken.END_ARRAY) {
      functions.add(FunctionJson.read(text, functions.size()));
    }
    text.subject(null);
  }

  private PciTopology assemble() {
    PciTopology.Builder builder =
        PciTopology.builder(machine != null ? machine : nameOf(text.sourceName()))
            .description(
                system != null && cpu != null
                    ? system + ", " + cpu
                    : system != null ? system : cpu);
    Assembly assembly = new Assembly(builder, text.sourceName(), functions);
    assembly.settle(acsMeasured);
    return assembly.assemble();
  }

  private static String nameOf(String sourceName) {
    int folder = Math.max(sourceName.lastIndexOf('/'), sourceName.lastIndexOf('\\'));
    return sourceName.substring(folder + 1).replaceFirst("\\.json$", "");
  }
}
