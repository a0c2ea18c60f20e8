package org.iommu4j.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.iommu4j.topology.MachineJsonProperties.Mutation;

/** Whatever happens to a listing: it is still a machine, or it is refused in one readable line. */
class LspciTextProperties {
  private final byte[] machine = load();

  private static byte[] load() {
    try (InputStream in = LspciTextProperties.class.getResourceAsStream("/lspci/made-up.txt")) {
      return Objects.requireNonNull(in).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Provide
  Arbitrary<List<Mutation>> mutations() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 6),
            Arbitraries.integers().between(0, Integer.MAX_VALUE).withoutEdgeCases(),
            Arbitraries.bytes())
        .as(Mutation::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(8);
  }

  @Property(tries = 400, seed = "20261122", shrinking = ShrinkingMode.BOUNDED)
  void aChangedTextIsReadOrRefused(@ForAll("mutations") List<Mutation> mutations)
      throws IOException {
    byte[] text = machine;
    for (Mutation mutation : mutations) {
      text = mutation.apply(text);
    }
    read(text);
  }

  @Property(tries = 200, seed = "20261123", shrinking = ShrinkingMode.BOUNDED)
  void aTextWithItsLinesShuffledIsReadOrRefused(@ForAll long order) throws IOException {
    List<String> lines =
        new ArrayList<>(new String(machine, StandardCharsets.UTF_8).lines().toList());
    Collections.shuffle(lines, new Random(order));
    read(String.join("\n", lines).getBytes(StandardCharsets.UTF_8));
  }

  private static void read(byte[] text) throws IOException {
    try {
      PciTopology topology = MachineFile.read(new ByteArrayInputStream(text), "mutant");
      for (PciDevice device : topology.devices()) {
        assertThat(topology.find(device.name())).containsSame(device);
        assertThat(topology.description(device).orElse("")).doesNotContainPattern("\\p{Cntrl}");
      }
    } catch (TopologyException e) {
      assertThat(e.source()).contains("mutant");
      assertThat(e.toString()).hasSizeLessThan(500).doesNotContainPattern("\\p{Cntrl}");
    }
  }
}
