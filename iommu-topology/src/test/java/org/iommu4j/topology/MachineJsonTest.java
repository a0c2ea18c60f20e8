package org.iommu4j.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PciTopology.AcsEvidence;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.TopologyException;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The reader of machine descriptions on real machines and on made-up ones. */
class MachineJsonTest {
  @ParameterizedTest
  @CsvSource({
    "mic92-eve, eve, 40, 1, 23",
    "tum-dse-ace, ace, 15, 1, 3",
    "tum-dse-eliza, eliza, 29, 8, 20",
    "tum-dse-joy, joy, 4, 2, 2"
  })
  void realMachines(String file, String name, int functions, int roots, int groups)
      throws Exception {
    PciTopology topology = MachineJson.read(real(file));

    assertThat(topology.machine()).isEqualTo(name);
    assertThat(topology.devices()).hasSize(functions);
    assertThat(topology.rootBuses()).hasSize(roots);
    assertThat(topology.recordedGroups()).hasSize(groups);
    assertThat(topology.devices())
        .allSatisfy(device -> assertThat(topology.find(device.name())).containsSame(device));
  }

  @Test
  void theDefaultMachineHasSharedGroupsAndNetworkCards() {
    PciTopology topology = MachineJson.defaultMachine();

    assertThat(topology.devices()).hasSize(40);
    assertThat(topology.recordedGroups()).hasSize(23);
    assertThat(topology.recordedGroups().values().stream().filter(group -> group.size() > 1))
        .hasSize(4);
    assertThat(topology.devices().stream().flatMap(device -> topology.driver(device).stream()))
        .contains("igc", "iwlwifi", "amdgpu", "nvme");
    assertThat(MachineJson.class.getResource("default-machine.NOTICE.txt")).isNotNull();
  }

  @Test
  void aServerWithASwitchAndABridgeToConventionalPci() throws Exception {
    PciTopology eve = MachineJson.read(real("mic92-eve"));

    assertThat(eve.description()).contains("Hetzner");
    assertType(eve, "00:14.0", PcieType.CONVENTIONAL);
    assertType(eve, "00:01.0", PcieType.INTEGRATED_ENDPOINT);
    assertType(eve, "00:01.3", PcieType.ROOT_PORT);
    assertType(eve, "03:00.0", PcieType.ENDPOINT);
    assertType(eve, "03:00.2", PcieType.UPSTREAM_PORT);
    assertType(eve, "20:00.0", PcieType.DOWNSTREAM_PORT);
    assertType(eve, "21:00.0", PcieType.PCIE_TO_PCI_BRIDGE);
    assertType(eve, "22:00.0", PcieType.CONVENTIONAL);
    assertType(eve, "23:00.0", PcieType.ENDPOINT);
    PciDevice nic = device(eve, "0000:23:00.0");
    assertThat(nic.bus().bridge()).isSameAs(device(eve, "0000:20:01.0"));
    assertThat(eve.driver(nic)).contains("igb");
    assertThat(eve.classCode(nic)).contains("020000");
    assertThat(eve.recordedGroup(nic)).hasValue(15);
    assertThat(nic.vendorId()).isEqualTo(0x8086);
    assertThat(device(eve, "00:01.3").knownIsolation()).contains(true);
    assertThat(eve.acsEvidence(device(eve, "00:01.3"))).isEqualTo(AcsEvidence.INFERRED);
    assertThat(eve.notes()).singleElement().asString().contains("acs_effective_inferred");
    assertThat(device(eve, "00:01.3").multifunction()).isTrue();
    assertThat(device(eve, "20:01.0").hasAcs()).isFalse();
    assertThat(device(eve, "20:01.0").multifunction()).isFalse();
  }

  @Test
  void anUndecidedBridgeIsAnUpstreamPortIfPortsAreBelow() throws Exception {
    PciTopology ace = MachineJson.read(real("tum-dse-ace"));

    assertThat(ace.description()).isEmpty();
    assertType(ace, "00:00.0", PcieType.ROOT_PORT);
    assertType(ace, "01:00.0", PcieType.UPSTREAM_PORT);
    assertType(ace, "01:00.1", PcieType.ENDPOINT);
    assertType(ace, "02:08.0", PcieType.DOWNSTREAM_PORT);
    assertType(ace, "07:00.0", PcieType.ENDPOINT);
  }

  @Test
  void anUndecidedBridgeLeadsToConventionalPciIfOnlyDevicesAreBelow() throws Exception {
    PciTopology eliza = MachineJson.read(real("tum-dse-eliza"));

    assertType(eliza, "0003:03:00.0", PcieType.PCIE_TO_PCI_BRIDGE);
    assertType(eliza, "0003:04:00.0", PcieType.CONVENTIONAL);
    assertType(eliza, "0003:02:00.1", PcieType.ENDPOINT);
  }

  @Test
  void everyWayOfReadingGivesTheSame(@TempDir Path folder) throws Exception {
    byte[] bytes = Files.readAllBytes(real("tum-dse-joy"));
    Path copy = Files.write(folder.resolve("copy.json"), bytes);
    String text = new String(bytes, StandardCharsets.UTF_8);

    assertThat(names(MachineJson.read(copy)))
        .isEqualTo(names(MachineJson.read(new ByteArrayInputStream(bytes), "bytes")))
        .isEqualTo(names(MachineJson.read(new StringReader(text), "text")))
        .contains("0004:01:00.0");
  }

  @Test
  void streamsStayOpen() throws Exception {
    AtomicBoolean closed = new AtomicBoolean();
    InputStream in =
        new ByteArrayInputStream("{\"devices\":[]}".getBytes(StandardCharsets.UTF_8)) {
          @Override
          public void close() {
            closed.set(true);
          }
        };

    assertThat(MachineJson.read(in, "stream").devices()).isEmpty();

    assertThat(closed).isFalse();
  }

  @Test
  void aFailingStreamIsNotABadMachine(@TempDir Path folder) {
    InputStream broken =
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw new IOException("unplugged");
          }

          @Override
          public int read(byte[] buffer, int offset, int length) throws IOException {
            return read();
          }
        };

    assertThatThrownBy(() -> MachineJson.read(broken, "stream"))
        .isInstanceOf(IOException.class)
        .hasMessage("unplugged");
    assertThatThrownBy(() -> MachineJson.read(folder.resolve("none.json")))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void aMachineWithoutNameIsCalledAfterItsFile() throws Exception {
    assertThat(MachineJson.read(new StringReader("{\"devices\":[]}"), "/some/box.json").machine())
        .isEqualTo("box");
    assertThat(MachineJson.read(new StringReader("{\"devices\":[]}"), "<stdin>").machine())
        .isEqualTo("<stdin>");
  }

  @Test
  void whatTheReaderDoesNotKnowIsPassedOver() throws Exception {
    PciTopology topology =
        machine("{'bdf':'00:01.0','extra':{'bdf':[[1],{'driver':3}]},'x':null,'name':'a card'}");

    assertThat(topology.description(device(topology, "00:01.0"))).contains("a card");
  }

  @Test
  void nothingButTheAddressIsNeeded() throws Exception {
    PciTopology topology = machine("{'bdf':'00:01.0'},{'bdf':'00:01.1'},{'bdf':'00:02.0'}");
    PciDevice device = device(topology, "00:01.0");

    assertThat(device.multifunction()).isTrue();
    assertThat(device(topology, "00:02.0").multifunction()).isFalse();
    assertThat(device.pcieType()).isEqualTo(PcieType.INTEGRATED_ENDPOINT);
    assertThat(device.hasAcs()).isFalse();
    assertThat(topology.recordedGroup(device)).isEmpty();
    assertThat(topology.driver(device)).isEmpty();
    assertThat(topology.classCode(device)).isEmpty();
  }

  @Test
  void measuredFactsBeatDerivedOnes() throws Exception {
    PciTopology topology =
        machine(
            "{'bdf':'00:01.0','multifunction':true,'functions_in_slot':1,"
                + "'pcie_type':'legacy_endpoint','acs_cap':'SV+ TB+ RR- CR- UF- EC- DT+',"
                + "'acs_ctl':'SV+ TB- RR- CR- UF- EC- DT-','acs_effective_inferred':false}");
    PciDevice device = device(topology, "00:01.0");

    assertThat(device.multifunction()).isTrue();
    assertThat(device.pcieType()).isEqualTo(PcieType.LEGACY_ENDPOINT);
    assertThat(device.acsCapability())
        .isEqualTo(PciDevice.ACS_SV | PciDevice.ACS_TB | PciDevice.ACS_DT);
    assertThat(device.acsControl()).isEqualTo(PciDevice.ACS_SV);
  }

  @Test
  void anAcsCapabilityWithoutControlCountsAsSwitchedOn() throws Exception {
    PciDevice device =
        device(machine("{'bdf':'00:01.0','acs_cap':'RR+ CR+ UF+ EC+','acs_ctl':null}"), "00:01.0");

    assertThat(device.acsControl()).isEqualTo(0x3c);
  }

  @ParameterizedTest
  @CsvSource({
    "conventional, CONVENTIONAL",
    "endpoint, ENDPOINT",
    "root_port, ROOT_PORT",
    "root-port, ROOT_PORT",
    "upstream_port, UPSTREAM_PORT",
    "downstream_port, DOWNSTREAM_PORT",
    "pcie_to_pci_bridge, PCIE_TO_PCI_BRIDGE",
    "pci_to_pcie_bridge, PCI_TO_PCIE_BRIDGE",
    "integrated_endpoint, INTEGRATED_ENDPOINT",
    "root_complex_integrated_endpoint, INTEGRATED_ENDPOINT",
    "rc_event_collector, EVENT_COLLECTOR"
  })
  void portTypesByName(String text, PcieType type) throws Exception {
    assertType(machine("{'bdf':'00:01.0','pcie_type':'" + text + "'}"), "00:01.0", type);
  }

  /** A bridge between a root port and one device, with what is said about it. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'x':0                                                    | PCIE_TO_PCI_BRIDGE",
        "'driver':'pcieport'                                      | UPSTREAM_PORT",
        "'driver':'other'                                         | PCIE_TO_PCI_BRIDGE",
        "'acs_effective_inferred':true                            | UPSTREAM_PORT",
        "'acs_effective_inferred':false                           | PCIE_TO_PCI_BRIDGE",
        "'class_code':'060401','driver':'pcieport'                | PCIE_TO_PCI_BRIDGE",
        "'header_type':2                                          | PCIE_TO_PCI_BRIDGE",
        "'pcie_type':'upstream_port'                              | UPSTREAM_PORT"
      })
  void aBridgeBelowARootPort(String said, PcieType type) throws Exception {
    String saidOfBridge = said.contains("header_type") ? said : said + ",'header_type':1";
    PciTopology topology =
        machine(
            "{'bdf':'00:01.0','header_type':1,'secondary_bus':1},"
                + "{'bdf':'01:00.0','secondary_bus':2,"
                + saidOfBridge.trim()
                + "},{'bdf':'02:00.0','header_type':0}");

    assertType(topology, "00:01.0", PcieType.ROOT_PORT);
    assertType(topology, "01:00.0", type);
    assertType(
        topology,
        "02:00.0",
        type == PcieType.UPSTREAM_PORT ? PcieType.ENDPOINT : PcieType.CONVENTIONAL);
  }

  @Test
  void aSubtractiveBridgeOnARootBusIsConventionalAndSoIsAllBelow() throws Exception {
    PciTopology topology =
        machine(
            "{'bdf':'00:1e.0','header_type':1,'class_code':'060401','secondary_bus':1},"
                + "{'bdf':'01:00.0','header_type':1,'secondary_bus':2},"
                + "{'bdf':'02:00.0','header_type':0}");

    assertThat(topology.devices())
        .extracting(PciDevice::pcieType)
        .containsOnly(PcieType.CONVENTIONAL);
  }

  @Test
  void aFunctionThatDoesNotAnswerKeepsItsPlace() throws Exception {
    PciTopology topology =
        machine(
            "{'bdf':'00:01.0','header_type':127,'secondary_bus':255,'subordinate_bus':255},"
                + "{'bdf':'00:02.0','header_type':255,'secondary_bus':255},"
                + "{'bdf':'01:00.0','parent':'0000:00:01.0','header_type':0}");

    assertThat(device(topology, "01:00.0").bus().bridge()).isSameAs(device(topology, "00:01.0"));
    assertType(topology, "00:01.0", PcieType.ROOT_PORT);
    assertType(topology, "00:02.0", PcieType.INTEGRATED_ENDPOINT);
  }

  /** Texts that describe no machine. */
  @Nested
  class Refused {
    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "''                   | 1 | the text does not begin with a JSON object",
          "'[]'                 | 1 | the text does not begin with a JSON object",
          "'{}'                 | 1 | there is no list 'devices': not a machine description",
          "'{'                  | 1 | the text ends before the machine is complete",
          "'{~~.devices.:[{'    | 3 | devices[0]: the text ends before the machine is complete",
          "'{.devices.:[]}~ x'  | 2 | not JSON: Unrecognized token 'x': was expecting (JSON String,"
              + " Number, Array, Object or token 'null', 'true' or 'false')",
          "'{.devices.:[]}~ {}' | 2 | the text goes on after the machine",
          "'{.devices.:{}}'     | 1 | devices is an object, not a list",
          "'{.devices.:7}'      | 1 | devices is '7', not a list",
          "'{.schema.:2}'       | 1 | schema 2 is not known, only 1",
          "'{.machine.:[]}'     | 1 | machine is a list, not a text",
          "'{.devices.:[],~.devices.:[]}' | 2 | not JSON: Duplicate field 'devices'"
        })
    void textsThatAreNoMachine(String pattern, int line, String problem) {
      String text = pattern.replace('.', '"').replace('~', '\n');
      assertThatThrownBy(() -> MachineJson.read(new StringReader(text), "box.json"))
          .isInstanceOf(TopologyException.class)
          .hasMessage("box.json:" + line + ": " + problem);
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "7                                   | devices[1] | it is '7', not an object",
          "{}                                  | devices[1] | it has no 'bdf', which is its address",
          "{'bdf':7}                           | devices[1] | bdf is '7', not a text",
          "{'bdf':'over there'}                | devices[1] | bdf is 'over there', not a PCI"
              + " address such as 0000:01:00.0",
          "{'bdf':'00:20.0'}                   | | '00:20.0' is not a PCI address",
          "{'bdf':'0000:00:01.0'}              | 0000:00:01.0 | is listed twice",
          "{'bdf':'02:00.0','parent':'00:09.0'}| 0000:02:00.0 | its parent 0000:00:09.0 is not in"
              + " the machine",
          "{'bdf':'02:00.0','parent':'00:01.0'}| 0000:02:00.0 | is on bus 0x02, but its parent"
              + " 0000:00:01.0 leads to bus 0x01",
          "{'bdf':'02:00.0','parent':'02:00.0'}| 0000:02:00.0 | is its own ancestor: 0000:02:00.0"
              + " below 0000:02:00.0",
          "{'bdf':'00:02.0','secondary_bus':1} | 0000:00:02.0 | leads to bus 0000:01, to which"
              + " 0000:00:01.0 leads already",
          "{'bdf':'00:02.0','secondary_bus':256}   | 00:02.0 | secondary_bus is '256', not a number"
              + " within 0..255",
          "{'bdf':'00:02.0','secondary_bus':-1}    | 00:02.0 | secondary_bus is '-1', not a number"
              + " within 0..255",
          "{'bdf':'00:02.0','secondary_bus':1e9}   | 00:02.0 | secondary_bus is '1e9', not a number"
              + " within 0..255",
          "{'bdf':'00:02.0','secondary_bus':99999999999} | 00:02.0 | secondary_bus is '99999999999',"
              + " not a number within 0..255",
          "{'bdf':'00:02.0','iommu_group':'4'} | 00:02.0 | iommu_group is '4', not a number within"
              + " 0..2147483647",
          "{'bdf':'00:02.0','header_type':3}   | 00:02.0 | header_type is '3', not 0 (device), 1"
              + " (bridge), 2 (CardBus bridge) or all ones",
          "{'bdf':'00:02.0','vendor':'12345'}  | 00:02.0 | vendor is '12345', not a text of up to 4"
              + " hexadecimal digits",
          "{'bdf':'00:02.0','vendor':''}       | 00:02.0 | vendor is '', not a text of up to 4"
              + " hexadecimal digits",
          "{'bdf':'00:02.0','class_code':'net'}| 00:02.0 | class_code is 'net', not a text of up to"
              + " 6 hexadecimal digits",
          "{'bdf':'00:02.0','multifunction':1} | 00:02.0 | multifunction is '1', not true or false",
          "{'bdf':'00:02.0','pcie_type':'odd'} | 00:02.0 | pcie_type is 'odd', not a port type such"
              + " as endpoint or root_port",
          "{'bdf':'00:02.0','acs_cap':'SV+ XX'}| 00:02.0 | acs_cap is 'SV+ XX', not a list of ACS"
              + " bits such as 'SV+ RR-'",
          "{'bdf':'00:02.0','driver':'a'       | 00:02.0 | not JSON: Unexpected close marker ']':"
              + " expected '}'"
        })
    void aFunctionIsNamedWithItsLine(String function, String device, String problem) {
      String text =
          "{'devices':[\n{'bdf':'0000:00:01.0','header_type':1,'secondary_bus':1},\n"
              + function.trim()
              + "]}";
      assertThatThrownBy(() -> read(text))
          .isInstanceOf(TopologyException.class)
          .hasMessage("box.json:3: " + (device == null ? "" : device + ": ") + problem);
    }

    @Test
    void aCycleIsLocatedAtItsFirstMember() {
      String text =
          """
          {'devices':[
          {'bdf':'02:00.0','parent':'01:00.0','secondary_bus':1},
          {'bdf':'01:00.0','parent':'02:00.0','secondary_bus':2}]}
          """;
      assertThatThrownBy(() -> read(text))
          .hasMessage(
              "box.json:3: 0000:01:00.0: is its own ancestor:"
                  + " 0000:01:00.0 below 0000:02:00.0 below 0000:01:00.0");
    }

    @Test
    void whatATerminalWouldObeyIsNotRepeated() {
      assertThatThrownBy(() -> read("{'devices':[{'bdf':'\\u001b[2J\\u202e'}]}"))
          .hasMessageContaining("bdf is '?[2J?', not");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{\"a\":", "a", "9", " ", "\u0000", "[1,", "\n", "\"", "\u00e9"})
    void tenMegabytesOfNoise(String noise) {
      for (String start : new String[] {"", "{\"devices\":[", "{\"x\":"}) {
        byte[] unit = noise.getBytes(StandardCharsets.ISO_8859_1);
        byte[] text = Arrays.copyOf(start.getBytes(StandardCharsets.US_ASCII), 10 << 20);
        for (int i = start.length(); i < text.length; i++) {
          text[i] = unit[i % unit.length];
        }
        assertThatThrownBy(() -> MachineJson.read(new ByteArrayInputStream(text), "noise"))
            .isInstanceOf(TopologyException.class)
            .message()
            .hasSizeLessThan(400)
            .doesNotContain("Exception");
      }
    }

    @Test
    void aTextThatIsTooLong() {
      InputStream endless =
          new InputStream() {
            @Override
            public int read() {
              return ' ';
            }

            @Override
            public int read(byte[] buffer, int offset, int length) {
              Arrays.fill(buffer, offset, offset + length, (byte) ' ');
              return length;
            }
          };
      assertThatThrownBy(() -> MachineJson.read(endless, "endless"))
          .isInstanceOf(TopologyException.class)
          .hasMessageContaining("exceeds the maximum allowed (67108864)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"00007b00", "ff00fe00", "7bff", "c328"})
    void bytesThatAreNoText(String hex) {
      byte[] bytes = HexFormat.of().parseHex(hex);
      assertThatThrownBy(() -> MachineJson.read(new ByteArrayInputStream(bytes), "bytes"))
          .isInstanceOf(TopologyException.class)
          .hasMessageStartingWith("bytes");
    }
  }

  private static PciTopology machine(String functions) throws IOException {
    return read("{'machine':'box','devices':[" + functions + "]}");
  }

  private static PciTopology read(String text) throws IOException {
    return MachineJson.read(new StringReader(text.replace('\'', '"')), "box.json");
  }

  private static Path real(String name) throws URISyntaxException {
    URL url = MachineJsonTest.class.getResource("/topologies/" + name + ".json");
    return Path.of(Objects.requireNonNull(url).toURI());
  }

  private static PciDevice device(PciTopology topology, String address) {
    return topology.find(address).orElseThrow();
  }

  private static void assertType(PciTopology topology, String address, PcieType type) {
    assertThat(device(topology, address).pcieType()).as(address).isEqualTo(type);
  }

  private static String names(PciTopology topology) {
    return topology.devices().stream().map(Device::name).toList().toString();
  }
}
