package org.iommu4j.cli.transcript;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class TranscriptCommandTest {
  private static final String BOOT =
      "{'config':'tiny','kernel':'7.3.4-amd64','scn':'init','step':1,'op':'boot','args':{"
          + "'cmdline':'iommu.strict=1','machine':'x86_64'},'ret':0,'klog':['ACPI: DMAR 0x1']}\n"
          + "{'config':'tiny','kernel':'7.3.4-amd64','scn':'topology','op':'device','why':'boot',"
          + "'bdf':'0000:00:02.0','role':'nic','iommu_group':0}\n";

  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return new CommandLine(new TranscriptCommand())
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(args);
  }

  private Path transcript(String type) throws IOException {
    String state =
        "{'config':'tiny','kernel':'7.3.4-amd64','scn':'s','step':2,'op':'state','args':{'role':"
            + "'nic'},'state':[{'group':0,'type':'"
            + type
            + "'}]}\n{'config':'tiny','scn':'s','step':3,'op':'remark','args':{}}\n";
    Path file = folder.resolve("tiny.jsonl");
    return Files.writeString(file, (BOOT + state).replace('\'', '"'));
  }

  @Test
  void agreementEndsWithZero() throws IOException {
    int code = run("--verbose", transcript("DMA").toString());
    assertThat(err.toString()).isEmpty();
    assertThat(out.toString().lines())
        .containsExactly(
            "tiny: kernel 7.3.4-amd64, x86_64, persona VTD",
            "  configurations: 1, records: 4, compared: 2, match: 2; not compared: boot 1, remark 1",
            "not compared: boot 1, remark 1",
            "configurations: 1, records: 4, compared: 2, match: 2");
    assertThat(code).isZero();
  }

  @Test
  void aDifferenceEndsWithOne() throws IOException {
    assertThat(transcript("DMA-FQ")).exists();
    int code = run(folder.toString());
    assertThat(out.toString().lines())
        .containsExactly(
            "tiny s step 2: state {role=nic}",
            "    group 0 type: expected DMA-FQ, actual DMA",
            "not compared: boot 1, remark 1",
            "configurations: 1, records: 4, compared: 2, match: 1");
    assertThat(code).isEqualTo(1);
  }

  @Test
  void nothingToCompareIsNoSuccess() {
    assertThat(run(folder.toString())).isEqualTo(1);
    assertThat(out.toString().lines())
        .containsExactly(
            "not compared: nothing", "configurations: 0, records: 0, compared: 0, match: 0");
  }

  @Test
  void aMissingPathIsOneClearLine() {
    assertThat(run(folder.resolve("nosuch").toString())).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("iommuctl transcript: cannot read ")
        .contains("nosuch")
        .contains("no such file or folder");
    assertThat(err.toString().lines()).hasSize(1);
  }

  @Test
  void aFileThatIsNotCompressedAsItsNameSays() throws IOException {
    Path file = folder.resolve("bad.jsonl.gz");
    Files.writeString(file, "no gzip");
    assertThat(run(file.toString())).isEqualTo(2);
    assertThat(err.toString().lines())
        .containsExactly("iommuctl transcript: cannot read " + file + ": Not in GZIP format");
  }
}
