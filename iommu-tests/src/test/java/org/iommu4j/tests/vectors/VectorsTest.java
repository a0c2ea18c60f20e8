package org.iommu4j.tests.vectors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.iommu4j.cli.vectors.VectorException;
import org.iommu4j.cli.vectors.VectorFiles;
import org.iommu4j.cli.vectors.VectorResult;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every recorded case, built with this library's page tables: all words agree. */
class VectorsTest {
  private static final int GIVEN_CASES = 130;
  private static final String SIZES = "pgsize_bitmap ";

  @TempDir private Path folder = Path.of("set by JUnit");

  // PTG-001 to PTG-024, PTV-001 to PTV-005, PTX-001 to PTX-005, PTA-001 to PTA-008,
  // PTR-001 to PTR-005, PTL-001 to PTL-019
  @TestFactory
  Stream<DynamicTest> everyWordAgrees() throws Exception {
    return results("/vectors").stream().map(VectorsTest::agrees);
  }

  /** What nobody recorded from a kernel stays as it is. */
  @TestFactory
  Stream<DynamicTest> noWordOfOurOwnChanges() throws Exception {
    return results("/own-vectors").stream().map(VectorsTest::agrees);
  }

  private static DynamicTest agrees(VectorResult result) {
    return DynamicTest.dynamicTest(
        result.recorded().setup().format() + " " + result.recorded().name(),
        () -> assertThat(result.matches()).as(result.diff()).isTrue());
  }

  @Test
  void noneIsMissing() throws Exception {
    assertThat(results("/vectors")).hasSizeGreaterThanOrEqualTo(GIVEN_CASES);
  }

  /** What is written is what was read, word by word, and can be read again. */
  @ParameterizedTest
  @ValueSource(strings = {"/vectors", "/own-vectors"})
  void exportedFilesAreTheSame(String name) throws Exception {
    for (Path file : VectorFiles.find(List.of(resource(name)))) {
      Path copy = folder.resolve(file.getFileName());
      VectorFiles.append(VectorFiles.run(file), copy);
      assertThat(Files.readAllLines(copy)).as("%s", file).isEqualTo(Files.readAllLines(file));
      assertThat(VectorFiles.run(copy)).isNotEmpty().allMatch(VectorResult::matches);
    }
  }

  /**
   * A size too many would pass for one that the case has hidden. So for each configuration the
   * largest set that Linux shows must be all we have (PTG-008, PTL-002).
   */
  @Test
  void noPageSizeIsTakenForHidden() throws Exception {
    for (Path file : VectorFiles.find(List.of(resource("/vectors")))) {
      assertThat(allSizes(showAll(file))).as("%s", file).isEqualTo(allSizes(file));
    }
  }

  /** The same cases as if they had hidden no size, with this library's answers. */
  private Path showAll(Path file) throws IOException, VectorException {
    List<String> asking =
        Files.readAllLines(file).stream()
            .map(line -> line.startsWith(SIZES) ? SIZES + "0xffffffffffffffff" : line)
            .toList();
    Path input = Files.write(folder.resolve("asking.txt"), asking);
    Path answer = folder.resolve("answer.txt");
    Files.deleteIfExists(answer);
    VectorFiles.append(VectorFiles.run(input), answer);
    return answer;
  }

  private static Map<String, Long> allSizes(Path file) throws IOException {
    Map<String, Long> sizes = new HashMap<>();
    String setup = "";
    for (String line : Files.readAllLines(file)) {
      if (line.startsWith("cfg ")) {
        setup = line;
      } else if (line.startsWith(SIZES)) {
        long shown = Long.decode(line.substring(SIZES.length()));
        sizes.merge(setup, shown, (a, b) -> a | b);
      }
    }
    return sizes;
  }

  /** Marks tell the quirks, not names: a case may be called anything. */
  @Test
  void namesMeanNothing() throws Exception {
    Path file = resource("/own-vectors").resolve("arm64s1.txt");
    List<String> renamed =
        Files.readAllLines(file).stream()
            .map(line -> line.startsWith("case ") ? "case quirk_hd_ns_ttbr1" : line)
            .toList();
    Path copy = Files.write(folder.resolve("renamed.txt"), renamed);
    assertThat(VectorFiles.run(copy)).isNotEmpty().allMatch(VectorResult::matches);
  }

  private static Path resource(String name) throws URISyntaxException {
    URL url = Objects.requireNonNull(VectorsTest.class.getResource(name));
    return Path.of(url.toURI());
  }

  private static List<VectorResult> results(String name)
      throws IOException, VectorException, URISyntaxException {
    List<VectorResult> results = new ArrayList<>();
    for (Path file : VectorFiles.find(List.of(resource(name)))) {
      results.addAll(VectorFiles.run(file));
    }
    return results;
  }
}
