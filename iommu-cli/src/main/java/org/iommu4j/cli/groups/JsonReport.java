package org.iommu4j.cli.groups;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.MergeReason;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.api.grouping.PredictedGroup.Member;
import org.iommu4j.api.grouping.SplitAdvice;

/** Machines as one JSON object; its members are described in {@code docs/GROUPS.md}. */
final class JsonReport implements Report {
  private static final int SCHEMA = 1;

  private final JsonGenerator json;

  JsonReport(PrintWriter out) {
    try {
      json = new JsonFactory().createGenerator(out).setPrettyPrinter(new DefaultPrettyPrinter());
      json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
      json.writeStartObject();
      json.writeNumberField("schema", SCHEMA);
      json.writeArrayFieldStart("machines");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void machine(Machine machine) {
    try {
      write(machine);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void end(long machines, long exact, boolean checked) {
    try {
      json.writeEndArray();
      if (checked) {
        json.writeNumberField("checked", machines);
        json.writeNumberField("exact", exact);
      }
      json.writeEndObject();
      json.writeRaw('\n');
      json.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void write(Machine machine) throws IOException {
    PciTopology topology = machine.topology();
    json.writeStartObject();
    json.writeStringField("machine", topology.machine());
    json.writeStringField("source", machine.source());
    json.writeStringField("description", topology.description().orElse(null));
    strings("notes", machine.notes());
    Comparison comparison = machine.comparison();
    if (comparison != null) {
      json.writeObjectFieldStart("check");
      json.writeBooleanField("exact", comparison.isExact());
      sets("recorded_only", comparison.missing());
      sets("predicted_only", comparison.extra());
      json.writeEndObject();
    }
    json.writeArrayFieldStart("groups");
    for (PredictedGroup group : machine.prediction().groups()) {
      write(machine, group);
    }
    json.writeEndArray();
    strings(
        "without_group", machine.prediction().withoutGroup().stream().map(Device::name).toList());
    json.writeEndObject();
  }

  private void write(Machine machine, PredictedGroup group) throws IOException {
    json.writeStartObject();
    json.writeNumberField("id", group.id());
    json.writeArrayFieldStart("devices");
    for (Member member : group.members()) {
      write(machine, member);
    }
    json.writeEndArray();
    if (machine.explained() && group.members().size() > 1) {
      write(machine.split(group));
    }
    json.writeEndObject();
  }

  private void write(Machine machine, Member member) throws IOException {
    json.writeStartObject();
    json.writeStringField("bdf", member.device().name());
    if (member.device() instanceof PciDevice function) {
      facts(machine, function);
    }
    json.writeArrayFieldStart("reasons");
    for (MergeReason reason : member.reasons()) {
      json.writeStartObject();
      json.writeStringField("type", type(reason));
      json.writeStringField("from", reason.from().name());
      json.writeStringField("to", reason.to().name());
      json.writeStringField("sentence", reason.sentence());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private void facts(Machine machine, PciDevice function) throws IOException {
    PciTopology topology = machine.topology();
    json.writeStringField("vendor", String.format("%04x", function.vendorId()));
    json.writeStringField("device", String.format("%04x", function.deviceId()));
    json.writeStringField("class_code", topology.classCode(function).orElse(null));
    json.writeStringField("name", topology.description(function).orElse(null));
    json.writeStringField("driver", topology.driver(function).orElse(null));
    json.writeFieldName("recorded_group");
    if (topology.recordedGroup(function).isPresent()) {
      json.writeNumber(topology.recordedGroup(function).getAsInt());
    } else {
      json.writeNull();
    }
    json.writeStringField("pcie_type", function.pcieType().name().toLowerCase(Locale.ROOT));
    json.writeStringField(
        "acs_evidence", topology.acsEvidence(function).name().toLowerCase(Locale.ROOT));
    Isolation isolation = machine.prediction().isolationOf(function).orElse(null);
    if (isolation != null) {
      json.writeObjectFieldStart("isolation");
      json.writeBooleanField("isolated", isolation.isolated());
      json.writeStringField("type", type(isolation));
      json.writeStringField("sentence", isolation.sentence());
      json.writeEndObject();
    }
  }

  private void write(SplitAdvice advice) throws IOException {
    json.writeObjectFieldStart("split");
    json.writeArrayFieldStart("changes");
    for (SplitAdvice.Change change : advice.changes()) {
      json.writeStartObject();
      json.writeStringField("bdf", change.device().name());
      json.writeNumberField("acs", change.bits());
      json.writeBooleanField("possible", change.possible());
      json.writeStringField("sentence", change.sentence());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("parts");
    for (List<Device> part : advice.parts()) {
      json.writeStartArray();
      for (Device device : part) {
        json.writeString(device.name());
      }
      json.writeEndArray();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  /** The name of a record with words apart: {@code open_path}. */
  private static String type(Object value) {
    return value
        .getClass()
        .getSimpleName()
        .replaceAll("(?<=[a-z])(?=[A-Z])", "_")
        .toLowerCase(Locale.ROOT);
  }

  private void strings(String name, List<String> values) throws IOException {
    json.writeArrayFieldStart(name);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }

  private void sets(String name, List<Set<String>> values) throws IOException {
    json.writeArrayFieldStart(name);
    for (Set<String> value : values) {
      json.writeStartArray();
      for (String member : value) {
        json.writeString(member);
      }
      json.writeEndArray();
    }
    json.writeEndArray();
  }
}
