package org.iommu4j.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
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

/** Whatever happens to a file: it is still a machine, or it is refused in one readable line. */
class MachineJsonProperties {
  /** Bytes that matter to JSON and to this format, so that mutants get past the first check. */
  private static final byte[] TELLING =
      "\"\\{}[],:.0123456789abcdefnulltruefalse \n".getBytes(StandardCharsets.US_ASCII);

  private final byte[] machine = load("/topologies/tum-dse-ace.json");

  /** One change of one byte; what it does depends on the kind. */
  record Mutation(int kind, int place, byte value) {
    byte[] apply(byte[] text) {
      if (text.length == 0) {
        return text;
      }
      int at = place % text.length;
      return switch (kind) {
        case 0 -> Arrays.copyOf(text, at);
        case 1 -> spliced(text, at, at + 1, new byte[] {value});
        case 2 -> spliced(text, at, at, new byte[] {value});
        case 3 -> spliced(text, at, Math.min(text.length, at + (value & 0xff)), new byte[0]);
        case 4 ->
            spliced(text, at, at, Arrays.copyOfRange(text, at / 2, Math.min(at, at / 2 + 400)));
        case 5 -> withOtherDigit(text, at);
        default -> spliced(text, at, at + 1, new byte[] {TELLING[(value & 0xff) % TELLING.length]});
      };
    }

    /** Text stays JSON this way, so that what it says is what is wrong. */
    private byte[] withOtherDigit(byte[] text, int from) {
      byte[] result = text.clone();
      for (int at = from; at < text.length; at++) {
        if (text[at] >= '0' && text[at] <= '9') {
          result[at] = (byte) ('0' + (value & 0xff) % 10);
          break;
        }
      }
      return result;
    }

    private static byte[] spliced(byte[] text, int from, int to, byte[] instead) {
      byte[] result = new byte[from + instead.length + text.length - to];
      System.arraycopy(text, 0, result, 0, from);
      System.arraycopy(instead, 0, result, from, instead.length);
      System.arraycopy(text, to, result, from + instead.length, text.length - to);
      return result;
    }
  }

  @Provide
  Arbitrary<List<Mutation>> mutations() {
    return Combinators.combine(
            // Other digits most of all: everything else hides what comes after it.
            Arbitraries.integers().between(0, 20).map(kind -> kind > 6 ? 5 : kind),
            Arbitraries.integers().between(0, Integer.MAX_VALUE).withoutEdgeCases(),
            Arbitraries.bytes())
        .as(Mutation::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(6);
  }

  @Property(tries = 300, seed = "20230217", shrinking = ShrinkingMode.BOUNDED)
  void aChangedFileIsReadOrRefused(@ForAll("mutations") List<Mutation> mutations)
      throws IOException {
    byte[] text = machine;
    for (Mutation mutation : mutations) {
      text = mutation.apply(text);
    }
    byte[] mutant = text;
    read(() -> MachineJson.read(new ByteArrayInputStream(mutant), "mutant"), mutant.length);
    String characters = new String(mutant, StandardCharsets.ISO_8859_1);
    read(() -> MachineJson.read(new StringReader(characters), "mutant"), mutant.length);
  }

  private interface Reading {
    PciTopology read() throws IOException;
  }

  private static void read(Reading reading, int length) throws IOException {
    try {
      checkWhole(reading.read());
    } catch (TopologyException e) {
      assertThat(e.source()).contains("mutant");
      assertThat(e.toString()).hasSizeLessThan(500).doesNotContainPattern("\\p{Cntrl}");
      assertThat(e.line().orElse(0)).isLessThanOrEqualTo(length + 1);
    }
  }

  /** What every topology must be, however strange the machine. */
  private static void checkWhole(PciTopology topology) {
    List<PciDevice> devices = topology.devices();
    for (int i = 0; i < devices.size(); i++) {
      PciDevice device = devices.get(i);
      assertThat(topology.find(device.name())).containsSame(device);
      assertThat(device.bus().devices()).contains(device);
      PciDevice bridge = device.bus().bridge();
      if (bridge != null) {
        assertThat(devices.indexOf(bridge)).isBetween(0, i - 1);
        assertThat(topology.busBelow(bridge)).containsSame(device.bus());
      } else if (device.bus().isRoot()) {
        assertThat(topology.rootBuses()).contains(device.bus());
      }
    }
  }

  private static byte[] load(String resource) {
    try (InputStream in = MachineJsonProperties.class.getResourceAsStream(resource)) {
      return Objects.requireNonNull(in).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
