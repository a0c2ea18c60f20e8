package org.iommu4j.tests.transcript;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.iommu4j.testkit.transcript.Mismatch;
import org.iommu4j.testkit.transcript.TranscriptListener;
import org.iommu4j.testkit.transcript.TranscriptReplay;
import org.iommu4j.testkit.transcript.TranscriptSummary;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every recording of a real kernel, replayed on this library: all answers and states agree.
 *
 * <p>Type writes in all forms (CORE-200 to 214), ownership (CORE-300 to 326), groups and their
 * numbers (CORE-021, 134 to 145), the files of a group (CORE-800 to 808).
 */
class TranscriptTest {
  private static final int RECORDINGS = 3;
  private static final int RECORDS = 3796;
  private static final int COMPARED = 3700;

  private final TranscriptReplay replay = new TranscriptReplay();

  /** Keeps what differs and what could not be read. */
  private static final class Complaints implements TranscriptListener {
    private final List<String> lines = new ArrayList<>();

    @Override
    public void differs(Mismatch mismatch) {
      lines.add(mismatch.toString());
    }

    @Override
    public void problem(String problem) {
      lines.add(problem);
    }
  }

  @TestFactory
  @DisplayName("answers and states")
  Stream<DynamicTest> recordings() throws IOException {
    return files().stream()
        .map(
            file ->
                DynamicTest.dynamicTest(
                    Objects.requireNonNull(file.getFileName()).toString(),
                    file.toUri(),
                    () -> {
                      Complaints complaints = new Complaints();
                      TranscriptSummary summary = replay.run(List.of(file), complaints);
                      assertThat(complaints.lines).isEmpty();
                      assertThat(summary.succeeded()).isTrue();
                    }));
  }

  @Test
  @DisplayName("nothing is left out silently")
  void everythingThatTouchesStateIsCompared() throws IOException {
    TranscriptSummary sum = replay.run(files(), TranscriptListener.NONE);
    assertThat(sum.configurations()).isEqualTo(RECORDINGS);
    assertThat(sum.records()).isEqualTo(RECORDS);
    assertThat(sum.compared()).isEqualTo(COMPARED).isEqualTo(sum.stateRecords());
    assertThat(sum.notCompared())
        .containsOnlyKeys("autoprobe", "begin", "boot", "done", "modules", "remark", "wait");
    assertThat(sum).hasToString("configurations: 3, records: 3796, compared: 3700, match: 3700");
  }

  private List<Path> files() throws IOException {
    URL folder = Objects.requireNonNull(TranscriptTest.class.getResource("/transcripts"));
    try {
      return replay.find(List.of(Path.of(folder.toURI())));
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }
}
