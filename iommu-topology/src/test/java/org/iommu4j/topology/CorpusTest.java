package org.iommu4j.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Texts that are wrong in ways worth remembering: each is a machine, or is refused in one line. */
@Timeout(20)
class CorpusTest {
  static List<Path> corpus() throws IOException, URISyntaxException {
    URL folder = Objects.requireNonNull(CorpusTest.class.getResource("/corpus"));
    try (Stream<Path> files = Files.list(Path.of(folder.toURI()))) {
      return files.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("corpus")
  void isReadOrRefusedInOneLine(Path file) throws IOException {
    boolean readable =
        List.of(
                "control.txt",
                "group-huge.txt",
                "vf-huge.txt",
                "dump-odd.txt",
                "all-bridges.txt",
                "brackets.txt",
                "surrogate.json")
            .contains(file.getFileName().toString());
    try {
      PciTopology topology = MachineFile.read(file);
      assertThat(readable).as("%s is read", file).isTrue();
      assertThat(topology.toString() + topology.notes()).doesNotContainPattern("\\p{Cntrl}");
      topology
          .devices()
          .forEach(
              device ->
                  assertThat(topology.description(device).orElse("") + topology.driver(device))
                      .doesNotContainPattern("\\p{Cntrl}"));
    } catch (TopologyException e) {
      assertThat(readable).as("%s is refused: %s", file, e.getMessage()).isFalse();
      assertThat(e.getMessage())
          .contains(file.getFileName().toString())
          .hasSizeLessThan(600)
          .doesNotContainPattern("\\p{Cntrl}");
    }
  }
}
