package org.iommu4j.tests.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.iommu4j.testkit.conformance.ConformanceReplay;
import org.iommu4j.testkit.conformance.TraceComparison;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every given trace, replayed on this library's core: all lines agree. */
class ConformanceTest {
  private static final int GIVEN_TRACES = 327;

  private final ConformanceReplay replay = new ConformanceReplay();

  @Test
  @DisplayName("none of the given traces is missing")
  void allTracesAreThere() throws IOException {
    assertThat(traces()).hasSizeGreaterThanOrEqualTo(GIVEN_TRACES);
  }

  @TestFactory
  @DisplayName("callbacks, results and states")
  Stream<DynamicTest> withoutQueries() throws IOException {
    return tests(TraceComparison.DEFAULT);
  }

  @TestFactory
  @DisplayName("callbacks, results, states and pure queries")
  Stream<DynamicTest> withQueries() throws IOException {
    return tests(TraceComparison.STRICT);
  }

  private Stream<DynamicTest> tests(TraceComparison comparison) throws IOException {
    return traces().stream()
        .map(
            trace ->
                DynamicTest.dynamicTest(
                    Objects.requireNonNull(trace.getFileName()).toString(),
                    trace.toUri(),
                    () -> assertThat(replay.replay(trace).diff(comparison)).isEmpty()));
  }

  private List<Path> traces() throws IOException {
    URL folder = Objects.requireNonNull(ConformanceTest.class.getResource("/conformance"));
    try {
      return replay.find(List.of(Path.of(folder.toURI())));
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }
}
