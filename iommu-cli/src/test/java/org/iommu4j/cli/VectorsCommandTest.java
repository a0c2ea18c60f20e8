package org.iommu4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class VectorsCommandTest {
  private static final String CASE =
      """
      case one
      cfg fmt=vtdss features=0x10 vasz=39 oasz=52 top=2
      pgsize_bitmap 0x40201000
      aperture 0x0 0x7fffffffff
      op map 0x200000 0x80200000 0x200000 0x3 -> 0 0x200000
      op iova_to_phys 0x2abcde -> 0x802abcde
      op unmap 0x200000 0x200000 -> 0x200000 gather=0x200000..0x3fffff leaf=0x0 table=0x0 free=-
      dump top level=2 T0
      w 2 - 0 0000000100001003 T1
      end
      """;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder = Path.of("set by JUnit");

  private int runText(String text) throws IOException {
    Files.writeString(folder.resolve("cases.txt"), text);
    return run(folder);
  }

  private int run(Path path) {
    return run(new String[] {path.toString()});
  }

  private int run(String... arguments) {
    return new CommandLine(new Main())
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(Stream.concat(Stream.of("vectors"), Stream.of(arguments)).toArray(String[]::new));
  }

  @Test
  void countsCasesThatMatch() throws IOException {
    assertThat(runText(CASE + "\n" + CASE)).isZero();
    assertThat(out).hasToString("cases: 2, match: 2" + System.lineSeparator());
    assertThat(err.toString()).isEmpty();
  }

  /** Every kind of line is compared. */
  @ParameterizedTest
  @CsvSource({
    "aperture 0x0 0x7fffffffff, aperture 0x0 0x7ffffffffe",
    "0x3 -> 0 0x200000, 0x3 -> -98 0x0",
    "-> 0x802abcde, -> 0x802abcdf",
    "-> 0x200000 gather, -> 0x1000 gather",
    "0x200000..0x3fffff, 0x200000..0x3ffffe",
    "leaf=0x0, leaf=0x2",
    "table=0x0, table=0x2",
    "free=-, free=T1",
    "level=2 T0, level=3 T0",
    "level=2 T0, level=2 T1",
    "0000000100001003, 0000000100001001",
    "1003 T1, 1003 T2",
    "w 2 - 0, w 2 - 1",
    "pgsize_bitmap 0x40201000, pgsize_bitmap 0x40211000",
  })
  void showsWhatDiffers(String mine, String other) throws IOException {
    assertThat(CASE).contains(mine);
    assertThat(runText(CASE.replace(mine, other))).isEqualTo(1);
    assertThat(out.toString())
        .contains("cases.txt:1: case one differs", "\n  - ", "\n  + ")
        .endsWith("cases: 1, match: 0" + System.lineSeparator());
  }

  @Test
  void aMissingWordDiffers() throws IOException {
    assertThat(runText(CASE.replace("w 2 - 0 0000000100001003 T1\n", ""))).isEqualTo(1);
    assertThat(out.toString()).contains("  + w 2 - 0 0000000100001003 T1");
  }

  /** PTR-003: the configuration itself is refused. */
  @Test
  void aRefusedConfigurationIsAnOutcome() throws IOException {
    String refused =
        "case bad\ncfg fmt=riscv64 features=0xd8 vasz=40 oasz=56 top=3\ninit -22\nend\n";
    assertThat(runText(refused)).isZero();
    assertThat(runText(refused.replace("-22", "-95"))).isEqualTo(1);
    assertThat(out.toString()).contains("- init -95", "+ init -22");
  }

  @ParameterizedTest
  @CsvSource({
    "case one, cause one, cases.txt:1: \"case NAME\" is expected",
    "vasz=39, vasz=many, cases.txt:2: \"cfg fmt=F",
    "fmt=vtdss, fmt=vax, cases.txt:2: there are no tables of format vax",
    "op map 0x200000, op map 2097152, cases.txt:5: not understood: op map 2097152",
    "op map 0x200000, op map 0x20000000000000000, cases.txt:5: not understood",
    "end, ende, cases.txt:10: not understood: ende",
  })
  void aMalformedFileIsOneClearLine(String right, String wrong, String problem) throws IOException {
    assertThat(runText(CASE.replaceFirst(right, wrong))).isEqualTo(2);
    assertThat(err.toString()).contains(problem).hasLineCount(1);
    assertThat(out.toString()).endsWith("cases: 0, match: 0" + System.lineSeparator());
  }

  @Test
  void aFileThatEndsTooEarlyIsMalformed() throws IOException {
    assertThat(runText(CASE.replace("end\n", ""))).isEqualTo(2);
    assertThat(err.toString()).contains("cases.txt:10: the file ends within a case");
  }

  /** The export says what this library does, and so all of it matches when it is read again. */
  @Test
  void exportsWhatThisLibraryDoes() throws IOException {
    String wrong = CASE.replace("-> 0x802abcde", "-> 0x0").replace("case one\n", "case two\n");
    Files.writeString(folder.resolve("cases.txt"), "# why\n" + CASE + "\n" + wrong);
    Path other = folder.resolve("more");
    assertThat(run("--export", other.toString(), folder.toString())).isEqualTo(1);
    String exported = CASE + "\n" + CASE.replace("case one\n", "case two\n") + "\n";
    assertThat(other.resolve("cases.txt")).hasContent(exported);
    assertThat(run("--export", other.toString(), other.toString())).isZero();
    assertThat(other.resolve("cases.txt")).hasContent(exported);
    assertThat(out.toString()).endsWith("cases: 2, match: 2" + System.lineSeparator());
  }

  /** PTR-003: an outcome that differs is exported, too. */
  @Test
  void exportsAConfigurationThatIsAccepted() throws IOException {
    String refused = "case bad\ncfg fmt=riscv64 features=0xd8 vasz=39 oasz=56 top=3\n";
    Files.writeString(folder.resolve("cases.txt"), refused + "init -22\nend\n");
    Path other = folder.resolve("more");
    assertThat(run("--export", other.toString(), folder.toString())).isEqualTo(1);
    assertThat(out.toString()).contains("- init -22", "+ (the configuration is accepted)");
    assertThat(other.resolve("cases.txt")).hasContent(refused + "end\n\n");
    assertThat(run(other)).isZero();
  }

  @Test
  void filesOfOneNameAreExportedTogether() throws IOException {
    Path one = Files.createDirectory(folder.resolve("a"));
    Path two = Files.createDirectory(folder.resolve("b"));
    Files.writeString(one.resolve("cases.txt"), CASE);
    Files.writeString(two.resolve("cases.txt"), CASE);
    Path other = folder.resolve("c");
    assertThat(run("--export", other.toString(), one.toString(), two.toString())).isZero();
    assertThat(other.resolve("cases.txt")).hasContent(CASE + "\n" + CASE + "\n");
  }

  @Test
  void aCaseMayHaveCommentsAndEmptyLines() throws IOException {
    assertThat(runText(CASE.replace("op map", "\n# a superpage\nop map"))).isZero();
  }

  @Test
  void nothingToRunIsNoSuccess() {
    assertThat(run(folder)).isEqualTo(1);
    assertThat(run(folder.resolve("missing"))).isEqualTo(2);
    assertThat(err.toString()).contains("cannot read: there is no ").hasLineCount(1);
  }
}
