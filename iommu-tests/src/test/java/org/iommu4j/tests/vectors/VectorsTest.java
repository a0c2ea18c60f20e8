package org.iommu4j.tests.vectors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.iommu4j.cli.vectors.VectorException;
import org.iommu4j.cli.vectors.VectorFiles;
import org.iommu4j.cli.vectors.VectorResult;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every recorded case, built with this library's page tables: all words agree. */
class VectorsTest {
  private static final int GIVEN_CASES = 130;

  // PTG-005 to PTG-024, PTV-002 to PTV-005, PTX-001 to PTX-005, PTA-001 to PTA-008,
  // PTR-001 to PTR-005, PTL-001 to PTL-019
  @TestFactory
  Stream<DynamicTest> everyWordAgrees() throws Exception {
    return results().stream()
        .map(
            result ->
                DynamicTest.dynamicTest(
                    result.recorded().setup().format() + " " + result.recorded().name(),
                    () -> assertThat(result.matches()).as(result.diff()).isTrue()));
  }

  @Test
  void noneIsMissing() throws Exception {
    assertThat(results()).hasSizeGreaterThanOrEqualTo(GIVEN_CASES);
  }

  private static List<VectorResult> results()
      throws IOException, VectorException, URISyntaxException {
    URL folder = Objects.requireNonNull(VectorsTest.class.getResource("/vectors"));
    List<VectorResult> results = new ArrayList<>();
    for (Path file : VectorFiles.find(List.of(Path.of(folder.toURI())))) {
      results.addAll(VectorFiles.run(file));
    }
    return results;
  }
}
