package org.iommu4j.tests.pgtable;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.iommu4j.cli.vectors.VectorFiles;
import org.iommu4j.cli.vectors.VectorResult;
import org.iommu4j.spi.PhysicalMemory;
import org.junit.jupiter.api.Test;

/** The recorded cases once more, with all tables in a mapped file: the same words. */
class MappedVectorsTest {
  private static final int GIVEN_CASES = 130;

  // PTG-005 to PTG-024, PTL-001 to PTL-019
  @Test
  void everyWordAgreesInAMappedFile() throws Exception {
    Path folder = Path.of(requireNonNull(getClass().getResource("/vectors")).toURI());
    int cases = 0;
    for (Path file : VectorFiles.find(List.of(folder))) {
      for (VectorResult result : VectorFiles.run(file, MappedVectorsTest::memory)) {
        assertThat(result.matches()).as(result.diff()).isTrue();
        cases++;
      }
    }
    assertThat(cases).isGreaterThanOrEqualTo(GIVEN_CASES);
  }

  private static PhysicalMemory memory() {
    return TableMemory.MAPPED.create(
        VectorFiles.MEMORY_BASE, VectorFiles.MEMORY_SIZE, Integer.MAX_VALUE);
  }
}
