package org.iommu4j.tests.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.iommu4j.testkit.conformance.ConformanceReplay;
import org.iommu4j.testkit.conformance.ReplayListener;
import org.iommu4j.testkit.conformance.ReplayResult;
import org.iommu4j.testkit.conformance.ReplaySummary;
import org.iommu4j.testkit.conformance.ScriptException;
import org.iommu4j.testkit.conformance.TraceComparison;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The replay itself: how it reads, compares and reports. */
class ReplayTest {
  private static final String TRACE =
      """
      # small
      config passthrough=0 strict=1
      instance i0
      device a instance=i0 key=k1
      > register i0
      = 0
      > add a
        probe_device a = 0
        device_group a = g0
        ?def_domain_type a = none
        domain_alloc_paging a = D1
        ?get_resv_regions a
        attach a -> D1[DMA] (old null) = 0
        ?get_resv_regions a
        probe_finalize a
      = 0
      . g0 type=DMA default=D1[DMA] current=D1[DMA] blocking=null owner_cnt=0 owner=null\
       recovery=0 refs=1 pasids=- members=a flags=a:dma
      """;

  private final ConformanceReplay replay = new ConformanceReplay();

  @ParameterizedTest
  @EnumSource
  void aFaithfulTraceHasNoDiff(TraceComparison comparison) {
    ReplayResult result = replay.replay(TRACE);
    assertThat(result.matches(comparison)).isTrue();
    assertThat(result.diff(comparison)).isEmpty();
  }

  @Test
  void resultsOfTheScriptAreNotRead() {
    String bare =
        String.join("\n", TRACE.lines().filter(line -> !line.matches("[ =.].*")).toList());
    assertThat(replay.replay(bare).replayed()).isEqualTo(TRACE.lines().toList());
  }

  @Test
  void everyReplayStartsFromNothing() {
    assertThat(replay.replay(TRACE).replayed()).isEqualTo(replay.replay(TRACE).replayed());
  }

  @Test
  void onlyStrictComparisonSeesQueries() {
    ReplayResult result = replay.replay(TRACE.replace("  ?def_domain_type a = none\n", ""));
    assertThat(result.matches(TraceComparison.DEFAULT)).isTrue();
    assertThat(result.matches(TraceComparison.STRICT)).isFalse();
    assertThat(result.diff(TraceComparison.STRICT)).contains("+   10    ?def_domain_type a = none");
  }

  @Test
  void aDiffShowsBothSidesTheirLinesAndTheOp() {
    ReplayResult result =
        replay.replay(TRACE.replace("refs=1", "refs=2").replace("a = g0", "a = g7"));
    assertThat(result.diff(TraceComparison.DEFAULT))
        .startsWith("--- script (recorded)\n+++ script (replayed)\n@@ line 6")
        .contains("     7  > add a\n")
        .contains("-    9    device_group a = g7\n+    9    device_group a = g0\n")
        .contains("refs=2 pasids=- members=a flags=a:dma\n+   17  . g0");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "bogus line                        | a line cannot begin with \"bogus\"",
        "config speed=1                    | unknown key speed",
        "config strict                     | \"strict\" is not key=value",
        "config events=2                   | events=2: wanted is 1 or 0",
        "instance                          | an instance needs a name",
        "instance i0 paging=odd            | paging=odd: wanted is one of",
        "instance i0 pgsizes=xyz           | pgsizes=xyz: wanted is a hexadecimal number",
        "instance i0 caps=fly              | caps=fly",
        "device a instance=i9              | instance i9 is not defined",
        "device a direct=1000              | direct=1000: wanted is START+LENGTH",
        "device a rid=7:0.0                | nothing leads to bus 7",
        "device a pasids=-1                | pasids=-1",
        "device a key=k key=k              | key is given twice",
        "device a container=a2             | container a2 is not a device",
        ">                                 | an op begins with",
        "> dance                           | unknown op \"dance\"",
        "> add nobody                      | device nobody is not defined",
        "> register i7                     | instance i7 is not defined",
        "> type g0                         | \"TEXT\" is missing",
        "> type g0 \"DMA                   | a quote is not closed",
        "> type g0 \"\\x\"                 | unknown escape",
        "> type 0 \"DMA\"                  | \"0\" is not a group",
        "> put g0 g1                       | \"g1\" is too much",
        "> free X                          | \"X\" is not a domain",
        "> map D1 1000 zz 1000 3           | PA \"zz\" is not a hexadecimal number",
        "> map_sg D1 1000 1000             | \"1000\" is not PA+LEN",
        "> fail attach a 1 EWHAT           | \"EWHAT\" is not an errno",
        "> fail sneeze a 1 EIO             | \"sneeze\" cannot fail",
        "> fail attach a 0 EIO             | N counts from 1",
        "> hook probe_finalize n1 dance    | device n1 is not defined",
      })
  void aMalformedLineIsNamedByFileAndNumber(String line, String problem) {
    assertThatThrownBy(() -> replay.replay("some.trace", "# first\n" + line + "\n"))
        .isInstanceOf(ScriptException.class)
        .hasMessageStartingWith("some.trace:2: ")
        .hasMessageContaining(problem);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "# cut off\n", "config strict=1\ninstance i0\n"})
  void aTraceWithoutAnOpDoesNotMatch(String script) {
    assertThatThrownBy(() -> replay.replay("cut.trace", script))
        .isInstanceOf(ScriptException.class)
        .hasMessageContaining("a trace without an op");
  }

  @Test
  void whatIsNotThereIsAnAnswerNotAnEnd() {
    List<String> lines = replay.replay("> put g4\n> free D2\n> passthrough\n").replayed();
    assertThat(lines)
        .containsExactly(
            "> put g4",
            "= HAZARD no group g4",
            "> free D2",
            "= HAZARD no domain D2",
            "> passthrough",
            "= no");
  }

  @Test
  void aRunCountsAndReports(@TempDir Path folder) throws IOException {
    Path sub = Files.createDirectory(folder.resolve("sub"));
    Files.writeString(folder.resolve("b.trace"), TRACE);
    Files.writeString(folder.resolve("a.trace"), TRACE.replace("refs=1", "refs=9"));
    Files.writeString(sub.resolve("c.trace"), "> nonsense\n");
    Files.writeString(folder.resolve("ignored.txt"), "nonsense");
    var heard = new ArrayList<String>();
    var listener =
        new ReplayListener() {
          @Override
          public void matched(ReplayResult result) {
            heard.add("matched " + result.source());
          }

          @Override
          public void differs(ReplayResult result) {
            heard.add("differs " + result.source());
          }

          @Override
          public void malformed(ScriptException problem) {
            heard.add("malformed " + problem.source() + " " + problem.line());
          }
        };

    ReplaySummary summary =
        replay.run(replay.find(List.of(folder)), TraceComparison.DEFAULT, listener);

    assertThat(summary).hasToString("traces: 3, match: 1");
    assertThat(summary.allMatch()).isFalse();
    assertThat(heard)
        .containsExactly(
            "differs " + folder.resolve("a.trace"),
            "matched " + folder.resolve("b.trace"),
            "malformed " + sub.resolve("c.trace") + " 1");
  }

  @Test
  void noTraceIsNoSuccess() {
    assertThat(new ReplaySummary(0, 0).allMatch()).isFalse();
    assertThat(new ReplaySummary(2, 2).allMatch()).isTrue();
  }

  @Test
  void aMissingPathIsAnError(@TempDir Path folder) {
    assertThatThrownBy(() -> replay.find(List.of(folder.resolve("nowhere"))))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("nowhere");
  }
}
