package org.iommu4j.testkit.transcript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The replay itself: what it chooses, what it survives, what it reports. */
class TranscriptReplayTest {
  private static final String VTD =
      "{'config':'c','kernel':'7.3.4-amd64','scn':'init','step':1,'op':'boot','args':{'cmdline':"
          + "'OPTIONS','machine':'x86_64'},'ret':0,'klog':['ACPI: DMAR 0x1']}";

  @TempDir Path folder;

  private final List<Mismatch> mismatches = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final List<String> begun = new ArrayList<>();

  private final TranscriptListener listener =
      new TranscriptListener() {
        @Override
        public void begins(String config, String description) {
          begun.add(config + " " + description);
        }

        @Override
        public void differs(Mismatch mismatch) {
          mismatches.add(mismatch);
        }

        @Override
        public void problem(String problem) {
          problems.add(problem);
        }
      };

  private TranscriptSummary run(String... lines) throws IOException {
    Path file = folder.resolve("t.jsonl");
    Files.writeString(file, String.join("\n", lines).replace('\'', '"') + "\n");
    return new TranscriptReplay().run(List.of(file), listener);
  }

  private static String boot(String options) {
    return VTD.replace("OPTIONS", options);
  }

  private static String record(String op, String args, String rest) {
    return "{'config':'c','kernel':'7.3.4-amd64','scn':'s','step':9,'op':'"
        + op
        + "','args':{"
        + args
        + "}"
        + rest
        + "}";
  }

  /** A card on the root bus, for any machine. */
  private static String device(String address, String role, String more) {
    return "{'config':'c','kernel':'7.3.4-amd64','scn':'topology','why':'boot','op':'device','bdf':'"
        + address
        + "','role':'"
        + role
        + "','vendor':'8086','device':'10d3','class':'020000','header_type':0"
        + more
        + "}";
  }

  private static String group(int number, String type, String members) {
    return ",'state':[{'group':"
        + number
        + ",'exists':true,'type':'"
        + type
        + "','devices':["
        + members
        + "]}]";
  }

  private static String member(String address) {
    return "{'dev':'" + address + "','driver':null}";
  }

  private String typeAtBoot(String options) throws IOException {
    mismatches.clear();
    TranscriptSummary summary =
        run(
            boot(options),
            device("0000:00:02.0", "nic", ""),
            record("state", "'role':'nic'", group(0, "?", member("0000:00:02.0"))));
    assertThat(summary.compared()).isEqualTo(2);
    return mismatches.get(0).differences().get(0).actual();
  }

  // CORE-182 to 187; persona rules 2.2 and 2.3: the last of the words that say so counts.
  @Test
  void bootOptionsDecideAboutTheType() throws IOException {
    assertThat(typeAtBoot("")).isEqualTo("DMA-FQ");
    assertThat(typeAtBoot("iommu.strict=1")).isEqualTo("DMA");
    assertThat(typeAtBoot("iommu.strict=maybe")).isEqualTo("DMA-FQ");
    assertThat(typeAtBoot("iommu.strict=1 iommu.strict=maybe")).isEqualTo("DMA");
    assertThat(typeAtBoot("iommu.passthrough=1")).isEqualTo("identity");
    assertThat(typeAtBoot("iommu=pt")).isEqualTo("identity");
    assertThat(typeAtBoot("iommu=pt iommu.passthrough=0")).isEqualTo("DMA-FQ");
    assertThat(typeAtBoot("iommu.passthrough=0 iommu=pt")).isEqualTo("identity");
    assertThat(typeAtBoot("iommu=nopt")).isEqualTo("DMA-FQ");
    assertThat(typeAtBoot("intel_iommu=on,strict")).isEqualTo("DMA");
  }

  @Test
  void withoutAnIommuThereAreNoGroups() throws IOException {
    for (String off : List.of("intel_iommu=off", "iommu=off")) {
      TranscriptSummary summary =
          run(
              boot(off),
              device("0000:00:02.0", "nic", ",'iommu_group':null,'iommu':null"),
              record("groups", "", ",'ret':0,'state':[]"),
              record("state", "'role':'nic'", ",'ret':0,'state':[{'group':null}]"),
              record("bind", "'role':'nic','driver':'pci-stub'", ",'ret':12"));
      assertThat(mismatches).isEmpty();
      assertThat(summary.match()).isEqualTo(4);
    }
    assertThat(begun.get(0)).isEqualTo("c kernel 7.3.4-amd64, x86_64, persona NONE");
  }

  @Test
  void aDifferenceIsReportedWithBothAnswers() throws IOException {
    TranscriptSummary summary =
        run(
            boot(""),
            device("0000:00:02.0", "nic", ""),
            record("write_type", "'role':'nic','group':0,'value':'bogus'", ",'ret':5"),
            record(
                "write_type",
                "'role':'nic','group':0,'value':'identity'",
                ",'ret':8" + group(0, "DMA", member("0000:00:02.0"))));
    assertThat(summary.succeeded()).isFalse();
    assertThat(summary.match()).isEqualTo(1);
    assertThat(mismatches.get(0).toString())
        .isEqualTo(
            "c s step 9: write_type {role=nic, group=0, value=bogus}"
                + System.lineSeparator()
                + "    result: expected 5, actual EINVAL");
    // The replay went on from its own state.
    assertThat(mismatches.get(1).differences())
        .containsExactly(new Mismatch.Difference("group 0 type", "DMA", "identity"));
  }

  @Test
  void whatIsNotUnderstoodIsSkippedAndListed() throws IOException {
    TranscriptSummary summary =
        run(
            boot(""),
            "",
            "this is no record",
            "[1, 2]",
            device("0000:00:02.0", "nic", ""),
            record("teleport", "'role':'nic'", ""),
            record("state", "'role':'nobody'", ",'state':[{},{'group':0}]"),
            record("begin", "", ""),
            "{'config':'c'}",
            "{}");
    assertThat(problems)
        .containsExactly(
            folder.resolve("t.jsonl") + ":3: not a JSON object",
            folder.resolve("t.jsonl") + ":4: not a JSON object");
    assertThat(mismatches).isEmpty();
    assertThat(summary.configurations()).isEqualTo(2);
    assertThat(summary.notCompared()).containsEntry("teleport", 1).containsEntry("", 2);
    assertThat(summary.succeeded()).isFalse();
  }

  @Test
  void aMachineThatCannotExistIsAProblemAndNoEnd() throws IOException {
    TranscriptSummary summary =
        run(boot(""), device("not an address", "nic", ""), record("state", "'role':'nic'", ""));
    assertThat(problems).hasSize(1);
    assertThat(problems.get(0)).startsWith("c: the machine cannot be rebuilt");
    assertThat(summary.succeeded()).isFalse();
    assertThat(summary.compared()).isZero();
  }

  @Test
  void plainAndCompressedFilesAreFoundInFolders() throws IOException {
    Path plain = folder.resolve("a.jsonl");
    Path packed = folder.resolve("deep/b.jsonl.gz");
    Files.createDirectory(folder.resolve("deep"));
    Files.writeString(plain, boot("").replace('\'', '"'));
    Files.writeString(folder.resolve("README.md"), "no transcript");
    try (var out = new GZIPOutputStream(Files.newOutputStream(packed))) {
      out.write(boot("").replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }
    TranscriptReplay replay = new TranscriptReplay();
    assertThat(replay.find(List.of(folder))).containsExactly(plain, packed);
    TranscriptSummary sum = replay.run(replay.find(List.of(folder)), listener);
    assertThat(sum).hasToString("configurations: 2, records: 2, compared: 0, match: 0");
    assertThat(sum.succeeded()).isFalse();
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> replay.find(List.of(folder.resolve("nosuch"))));
  }

  @Test
  void callersAreReadFromTheirDescription() {
    // The words of the recordings.
    assertThat(caller("root, all caps", 0)).isEqualTo("AR D 0 -");
    assertThat(caller("root, no caps, bogus value", 0)).isEqualTo("-- - 0 -");
    assertThat(caller("root, all but CAP_SYS_RAWIO", 0)).isEqualTo("A- D 0 -");
    assertThat(caller("root, all but CAP_SYS_ADMIN", 0)).isEqualTo("-R D 0 -");
    assertThat(caller("root, only CAP_SYS_RAWIO+CAP_SYS_ADMIN", 0)).isEqualTo("AR - 0 -");
    assertThat(caller("uid 1000, only CAP_DAC_OVERRIDE", 1000)).isEqualTo("-- D 1000 -");
    assertThat(caller("uid 1000, CAP_SYS_ADMIN+CAP_SYS_RAWIO, no DAC_OVERRIDE", 1000))
        .isEqualTo("AR - 1000 -");
    assertThat(caller("uid 1000, CAP_SYS_ADMIN+CAP_SYS_RAWIO+CAP_DAC_OVERRIDE", 1000))
        .isEqualTo("AR D 1000 -");
    assertThat(caller("uid 1000, no caps, fd opened by root", 1000)).isEqualTo("-- - 1000 o");
    assertThat(caller("uid 1000 + admin/rawio, fd opened by root", 1000)).isEqualTo("AR - 1000 o");
    assertThat(caller("root of a fresh user namespace", 0)).isEqualTo("-- - 0 -");
  }

  private static String caller(String who, long uid) {
    RecordedCaller read = RecordedCaller.of(new Fields(java.util.Map.of("who", who, "uid", uid)));
    return (read.caller().sysAdmin() ? "A" : "-")
        + (read.caller().rawIo() ? "R" : "-")
        + (read.caller().dacOverride() ? " D " : " - ")
        + read.caller().uid()
        + (read.openedByRoot() ? " o" : " -");
  }

  @Test
  void longValuesRepeatTheirEnd() {
    Fields args = new Fields(java.util.Map.of("value", "DMA\n", "len", 8L));
    assertThat(TypeOperations.bytes(args))
        .isEqualTo("DMA\n\n\n\n\n".getBytes(StandardCharsets.UTF_8));
    assertThat(TypeOperations.bytes(Fields.NONE)).isEmpty();
  }

  // Persona rules 6.1 to 6.3: a module, and firmware that older kernels look at when binding.
  @Test
  void virtioGroupsAppearWithTheModule() throws IOException {
    String[] lines = {
      boot(""),
      device("0000:00:02.0", "nic", ",'iommu_group':null,'driver':null"),
      device("0000:00:03.0", "idle", ",'driver':null").replace("10d3", "beef"),
      device("0000:00:0e.0", "", ",'iommu_group':null,'driver':'virtio-pci'")
          .replace("'vendor':'8086','device':'10d3'", "'vendor':'1af4','device':'1057'"),
      record("groups", "", ",'state':[]"),
      record("modules", "'text':'/mods/early.list: loaded 1 failed: none'", ""),
      record("modules", "'text':'/mods/drivers.list: loaded 22 failed: none'", ""),
      record(
          "groups",
          "",
          ",'state':[{'group':0,'exists':true,'devices':[{'dev':'0000:00:02.0','driver':'e1000e'}]},"
              + "{'group':1,'exists':true,'devices':["
              + member("0000:00:03.0")
              + "]}]")
    };
    run(lines);
    assertThat(mismatches).isEmpty();
    for (int i = 0; i < lines.length; i++) {
      lines[i] = lines[i].replace("7.3.4-amd64", "6.12.95-amd64");
    }
    run(lines);
    assertThat(begun.get(1)).isEqualTo("c kernel 6.12.95-amd64, x86_64, persona VIRTIO");
    // The device without driver has no group there.
    assertThat(mismatches.get(0).differences())
        .contains(new Mismatch.Difference("groups", "[0, 1]", "[0]"));
  }
}
