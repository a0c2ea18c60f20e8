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

  private static String vfio(String op, long ret) {
    return record("vfio_" + op, "'role':'nic','group':0", ",'ret':" + ret);
  }

  // Persona rules 3.2 to 3.5; VFIO-12, 13, 25: descriptors that never were answer EBADF.
  @Test
  void amdWithoutInterruptRemapping() throws IOException {
    String amd = boot("noapic").replace("ACPI: DMAR 0x1", "AMD-Vi: found");
    String classDevice =
        record(
            "class_iommu",
            "'iommu':'ivhd0','amd-iommu/cap':'1f03000f','devices':['0000:00:02.0']",
            "");
    TranscriptSummary summary =
        run(
            amd,
            classDevice,
            device("0000:00:02.0", "nic", ""),
            record("modules", "'text':'/mods/vfio.list: loaded 5'", ""),
            record(
                "state",
                "'role':'nic'",
                ",'state':[{'group':0,'type':'DMA','resv':['0x00000000fee00000 0x00000000feefffff msi',"
                    + "'0x000000fd00000000 0x000000ffffffffff reserved']}]"),
            record("bind", "'role':'nic','driver':'vfio-pci'", ",'ret':12"),
            record("vfio_open_container", "'api':0,'type1':1,'type1v2':1", ",'ret':0"),
            vfio("open_group", 0),
            vfio("set_container", 0),
            vfio("set_iommu_type1v2", -1),
            vfio("set_iommu_type1v2", -1),
            vfio("iommu_info", -22),
            vfio("get_device_fd", -22),
            record("write_type", "'group':0,'value':'identity'", ",'ret':-1"),
            vfio("close_device", -9),
            vfio("unset_container", 0),
            vfio("close_group", 0),
            // Nothing is done with this one: it was closed at once, or the child could not have it.
            vfio("open_group", 0),
            record("vfio_child_owns", "'role':'nic','child_fds':[8,9,-1]", ",'ret':0"),
            record("write_type", "'group':0,'value':'identity'", ",'ret':-1"),
            record("vfio_child_killed", "'role':'nic'", ",'ret':0"),
            record("write_type", "'group':0,'value':'identity'", ",'ret':8"));
    assertThat(mismatches).isEmpty();
    assertThat(summary.match()).isEqualTo(20);
    assertThat(begun).containsExactly("c kernel 7.3.4-amd64, x86_64, persona AMD");
  }

  @Test
  void aChildWithoutTheGroupHasFoundItOpen() throws IOException {
    run(
        boot(""),
        device("0000:00:02.0", "nic", ""),
        record("modules", "'text':'/mods/vfio.list: loaded 5'", ""),
        record("bind", "'role':'nic','driver':'vfio-pci'", ",'ret':12"),
        vfio("open_group", 0),
        record("vfio_child_owns", "'role':'nic','child_fds':[8,-1,-1]", ",'ret':0"),
        record("write_type", "'group':0,'value':'identity'", ",'ret':8"));
    assertThat(mismatches).isEmpty();
  }

  // Persona rules 4.2, 4.5: an id belongs to one device; the next bind asks again.
  @Test
  void smmuServesOneOfTwoConventionalCards() throws IOException {
    String express =
        ",'pcie_type':'pcie-to-pci-bridge','secondary':4,'subordinate':4,'iommu_group':0";
    run(
        boot("")
            .replace("x86_64", "aarch64")
            .replace("ACPI: DMAR 0x1", "arm-smmu-v3 arm-smmu-v3.0"),
        device("0000:00:03.0", "bridge", express).replace("'header_type':0", "'header_type':1"),
        device("0000:04:01.0", "first", ",'iommu_group':0"),
        device("0000:04:02.0", "second", ",'iommu_group':null,'iommu':null"),
        record(
            "state",
            "'role':'first'",
            ",'state':[{'group':0,'type':'DMA','resv':['0x0000000008000000 0x00000000080fffff msi']}]"),
        record("state", "'role':'second'", ",'state':[{'group':null}]"),
        record("modules", "'text':'/mods/vfio.list: loaded 5'", ""),
        record("bind", "'role':'second','driver':'vfio-pci'", ",'ret':-22"),
        record("remove", "'role':'first'", ",'ret':1"),
        record("bind", "'role':'second','driver':'vfio-pci'", ",'ret':12"),
        record(
            "state",
            "'role':'second'",
            group(
                0, "DMA", member("0000:00:03.0") + ",{'dev':'0000:04:02.0','driver':'vfio-pci'}")));
    assertThat(mismatches).isEmpty();
    assertThat(begun).containsExactly("c kernel 7.3.4-amd64, aarch64, persona SMMU");
  }

  // Persona rules 5.1 to 5.4
  @Test
  void riscvIsForcedToIdentity() throws IOException {
    run(
        boot("iommu.passthrough=0").replace("x86_64", "riscv64").replace("ACPI: DMAR 0x1", ""),
        device("0000:00:02.0", "nic", ",'iommu':'riscv-iommu@3010000.iommu','iommu_group':0"),
        record("state", "'role':'nic'", ",'state':[{'group':0,'type':'identity','resv':[]}]"),
        record("write_type", "'group':0,'value':'DMA'", ",'ret':-22"),
        record("write_type", "'group':0,'value':'auto'", ",'ret':4"),
        record("bind", "'role':'nic','driver':'vfio-pci'", ",'ret':-22"));
    assertThat(mismatches).isEmpty();
  }

  // Persona rule 2.9: a root bus that no IOMMU names is outside.
  @Test
  void aFurtherRootBusCanBeOutside() throws IOException {
    run(
        boot(""),
        device("0000:00:02.0", "nic", ",'iommu':'dmar0','iommu_group':0"),
        device("0000:40:00.0", "far", ",'iommu':null,'iommu_group':null"),
        record("groups", "", ",'state':[{'group':0,'exists':true}]"));
    assertThat(mismatches).isEmpty();
  }
}
