package org.iommu4j.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciDevice.Flag;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PciTopology.AcsEvidence;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.TopologyException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The reader of what lspci prints, on a made-up machine and on what becomes of texts. */
@Timeout(60)
class LspciTextTest {
  private static final String MACHINE = load();

  private static String load() {
    try (InputStream in = LspciTextTest.class.getResourceAsStream("/lspci/made-up.txt")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static PciTopology read(String text) {
    try {
      return LspciText.read(new StringReader(text), "made-up.txt");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static PciDevice device(PciTopology topology, String address) {
    return topology.find(address).orElseThrow();
  }

  @Test
  void addressesNamesIdsDriversAndGroups() {
    PciTopology topology = read(MACHINE);
    PciDevice nic = device(topology, "01:00.0");
    assertThat(topology.machine()).isEqualTo("made-up");
    assertThat(topology.devices()).hasSize(14);
    assertThat(topology.description(nic)).contains("Example Works Two-Port NIC");
    assertThat(topology.driver(nic)).contains("exnic");
    assertThat(topology.recordedGroup(nic)).hasValue(5);
    assertThat(topology.recordedGroup(device(topology, "00:00.2"))).isEmpty();
    assertThat(topology.classCode(nic)).contains("0200");
    assertThat(nic.vendorId()).isEqualTo(0xf0f0);
    assertThat(nic.deviceId()).isEqualTo(0x20);
    assertThat(nic.subsystemVendorId()).isEqualTo(0xf0f0);
    assertThat(nic.subsystemId()).isEqualTo(0x1020);
    assertThat(device(topology, "04:00.0").classCode()).isEqualTo(0x060401);
    assertThat(topology.notes()).isEmpty();
  }

  @Test
  void typesAndAcs() {
    PciTopology topology = read(MACHINE);
    PciDevice port = device(topology, "00:01.0");
    assertThat(port.pcieType()).isEqualTo(PcieType.ROOT_PORT);
    assertThat(port.acsCapability()).isEqualTo(0x5f);
    assertThat(port.acsControl()).isEqualTo(0x1d);
    assertThat(topology.acsEvidence(port)).isEqualTo(AcsEvidence.MEASURED);
    assertThat(device(topology, "00:00.0").pcieType()).isEqualTo(PcieType.CONVENTIONAL);
    assertThat(device(topology, "03:00.0").pcieType()).isEqualTo(PcieType.LEGACY_ENDPOINT);
    assertThat(device(topology, "04:00.0").pcieType()).isEqualTo(PcieType.PCIE_TO_PCI_BRIDGE);
    assertThat(device(topology, "05:02.0").pcieType()).isEqualTo(PcieType.CONVENTIONAL);
    assertThat(device(topology, "05:02.0").bus().bridge()).isSameAs(device(topology, "04:00.0"));
    assertThat(topology.busBelow(device(topology, "00:1e.0"))).isEmpty();
  }

  @Test // PCIQ-100: what lspci does not print
  void multifunctionIsDerived() {
    PciTopology topology = read(MACHINE);
    assertThat(device(topology, "01:00.0").multifunction()).isTrue();
    assertThat(device(topology, "01:00.1").multifunction()).isTrue();
    assertThat(device(topology, "04:00.0").multifunction()).isFalse();
    PciDevice virtual = device(topology, "02:00.2");
    assertThat(virtual.virtualFunction()).isTrue();
    assertThat(virtual.multifunction()).isFalse();
    assertThat(virtual.bus().bridge()).isNull();
    assertThat(virtual.bus().parent()).isSameAs(device(topology, "01:00.0").bus());
  }

  @Test // PCIQ-100: below a port every slot belongs to one device
  void furtherSlotsBelowAPortAreFunctionsOfOneDevice() {
    PciTopology topology =
        read(
            "00:01.0 PCI bridge [0604]: x [1234:0001]\n\tBus: primary=00, secondary=01, subordinate=01\n"
                + "\tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n"
                + "01:00.0 Bridge [0680]: x [1234:0002]\n\tCapabilities: [40] Express (v2) Endpoint\n"
                + "01:01.0 Bridge [0680]: x [1234:0002]\n\tCapabilities: [40] Express (v2) Endpoint\n");
    assertThat(device(topology, "01:00.0").multifunction()).isFalse();
    assertThat(device(topology, "01:01.0").multifunction()).isTrue();
  }

  @Test // PCIQ-010: an AMD IOMMU comes with an IVRS table
  void anAmdIommuIsAFactOfAllFunctions() {
    assertThat(device(read(MACHINE), "00:00.0").is(Flag.IVRS)).isTrue();
    assertThat(device(read(MACHINE.replace("[1022:0002]", "[f0f0:0002]")), "00:00.0").is(Flag.IVRS))
        .isFalse();
  }

  /** What mail, forums, editors and other options do to a text. */
  static Stream<Arguments> damages() {
    return Stream.of(
        damage("carriage returns", text -> text.replace("\n", "\r\n")),
        damage(
            "domains", text -> text.replaceAll("(?m)^(?=[0-9a-f]{2}:[0-9a-f]{2}\\.\\d )", "0000:")),
        damage("quoted", text -> text.replaceAll("(?m)^", "> ")),
        damage("indented", text -> text.replaceAll("(?m)^", "    ")),
        damage("spaces", text -> text.replace("\t", "        ")),
        damage("flat", text -> text.replaceAll("(?m)^\\s+", "")),
        damage("no empty lines", text -> text.replaceAll("\n\n+", "\n")),
        damage(
            "byte-order mark", text -> "\ufeff" + text.replaceFirst("(?s)^.*?(?=00:00\\.0)", "")),
        damage(
            "wrapped",
            text -> text.replaceAll("(ReqRedir[+-]) ", "$1\n").replaceAll(", subord", ",\nsubord")),
        damage("wrapped and indented", text -> text.replaceAll("(ReqRedir[+-]) ", "$1\n\t\t")),
        damage(
            "short listing first", text -> text.replaceAll("(?m)^(?![0-9a-f]{2}:).*\n", "") + text),
        damage(
            "other output",
            text -> text + "\nIOMMU Group 1:\n\t00:01.0 PCI bridge [0604]: x [f0f0:0010]\n"));
  }

  private static Arguments damage(String name, UnaryOperator<String> change) {
    return Arguments.of(name, change);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("damages")
  void aDamagedTextSaysTheSame(String name, UnaryOperator<String> change) {
    assertThat(facts(read(change.apply(MACHINE)))).as(name).isEqualTo(facts(read(MACHINE)));
  }

  private static List<String> facts(PciTopology topology) {
    return topology.devices().stream()
        .map(
            device ->
                String.format(
                    "%s %s %s %x %x %s %s %s",
                    device,
                    device.pcieType(),
                    device.multifunction(),
                    device.acsCapability(),
                    device.acsControl(),
                    device.bus().bridge(),
                    topology.recordedGroup(device),
                    topology.driver(device)))
        .toList();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/sys/kernel/iommu_groups/%2$d/devices/0000:%1$s",
        "pci 0000:%1$s: Adding to iommu group %2$d",
        "[    1.2] iommu: Adding device 0000:%1$s to group %2$d",
        "IOMMU Group %2$d %1$s Bridge [0680]: x [1234:0001]",
        "IOMMU Group %2$d:%n\t%1$s Bridge [0680]: x [1234:0001]",
      })
  void groupsBesideAListingOfAnOlderLspci(String form) {
    String listing =
        "00:01.0 Bridge [0680]: x [1234:0001]\n\tControl: I/O+\n\n"
            + "00:02.0 Bridge [0680]: x [1234:0001]\n\tControl: I/O+\n\n";
    String beside = String.format(form + "%n", "00:01.0", 3) + String.format(form, "00:02.0", 4);
    for (String text : List.of(listing + beside, beside + "\n\n" + listing)) {
      PciTopology topology = read(text);
      assertThat(topology.recordedGroup(device(topology, "00:01.0"))).hasValue(3);
      assertThat(topology.recordedGroup(device(topology, "00:02.0"))).hasValue(4);
    }
  }

  @Test
  void theShortFormShowsPresenceOnly() {
    PciTopology topology =
        read(
            "00:01.0 PCI bridge: Example Port (prog-if 00 [Normal decode])\n"
                + "\tFlags: bus master, fast devsel, latency 0, IRQ 26, IOMMU group 7\n"
                + "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
                + "\tCapabilities: [58] Express Root Port (Slot+), IntMsgNum 0\n"
                + "\tCapabilities: [2a0] Access Control Services\n");
    PciDevice port = device(topology, "00:01.0");
    assertThat(topology.recordedGroup(port)).hasValue(7);
    assertThat(port.pcieType()).isEqualTo(PcieType.ROOT_PORT);
    assertThat(port.acsControl()).isEqualTo(0x1d);
    assertThat(topology.acsEvidence(port)).isEqualTo(AcsEvidence.ASSUMED);
    assertThat(topology.notes())
        .anyMatch(note -> note.contains("taken for switched on"))
        .anyMatch(note -> note.contains("lspci -nn"));
  }

  @Test
  void withoutRootTheTextSaysSo() {
    PciTopology topology =
        read(
            "00:01.0 PCI bridge [0604]: x [f0f0:0010]\n\tControl: I/O+\n\tIOMMU group: 1\n"
                + "\tBus: primary=00, secondary=01, subordinate=01\n"
                + "\tCapabilities: <access denied>\n\n"
                + "01:00.0 Ethernet controller [0200]: x [f0f0:0020]\n\tControl: I/O+\n"
                + "\tCapabilities: <access denied>\n");
    assertThat(device(topology, "00:01.0").pcieType()).isEqualTo(PcieType.ROOT_PORT);
    assertThat(device(topology, "01:00.0").pcieType()).isEqualTo(PcieType.ENDPOINT);
    assertThat(topology.acsEvidence(device(topology, "00:01.0"))).isEqualTo(AcsEvidence.ASSUMED);
    assertThat(topology.notes())
        .anyMatch(note -> note.contains("not run as root") && note.contains("no ACS is assumed"));
  }

  @Test
  void withoutDetailsTheTextSaysSo() {
    assertThat(read("00:01.0 PCI bridge: x\n00:02.0 VGA compatible controller: y\n").notes())
        .anyMatch(note -> note.contains("not the output of lspci -vvv"))
        .anyMatch(note -> note.contains("no IOMMU groups are recorded"));
    assertThat(read("00:01.0 Bridge [0680]: x [1234:0001]\n\tControl: I/O+\n").notes())
        .anyMatch(note -> note.contains("no ACS lines at all"));
  }

  @ParameterizedTest // PCIQ-040, 041 by name
  @CsvSource({
    "Intel Corporation 6 Series/C200 Series Chipset Family PCI Express Root Port 1, 8086, 1c10",
    "Intel Corporation Sunrise Point-LP PCI Express Root Port #5, 8086, 9d10",
    "Intel Corporation Something Else, 8086, 0",
    "Example Works PCI Express Root Port #5, 0, 0"
  })
  void withoutIdsNamesTell(String name, String vendor, String id) {
    PciTopology topology =
        read("00:1c.0 PCI bridge: " + name + " (rev f1) (prog-if 00 [Normal decode])\n");
    PciDevice port = device(topology, "00:1c.0");
    assertThat(topology.description(port)).contains(name);
    assertThat(port.vendorId()).isEqualTo(Integer.parseInt(vendor, 16));
    assertThat(port.deviceId()).isEqualTo(Integer.parseInt(id, 16));
  }

  @Test
  void idsAlone() {
    PciDevice port = device(read("00:1c.0 0604: 8086:a294 (rev f0)\n"), "00:1c.0");
    assertThat(port.deviceId()).isEqualTo(0xa294);
    assertThat(port.classCode()).isEqualTo(0x060400);
  }

  @Test // PCIQ-042 and bit 7 of the header, from the dump
  void aDumpShowsWhatTheTextDoesNot() {
    StringBuilder text =
        new StringBuilder(
            "00:1c.0 PCI bridge [0604]: x [8086:a294]\n"
                + "\tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n"
                + "\tCapabilities: [140 v1] Access Control Services\n"
                + "\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd- EgressCtrl- DirectTrans-\n"
                + "\t\tACSCtl:\tSrcValid- TransBlk- ReqRedir- CmpltRedir- UpstreamFwd- EgressCtrl- DirectTrans-\n"
                + "00: 86 80 94 a2 07 04 10 00 f0 00 04 06 10 00 81 00\n");
    text.append("140: 0d 00 01 15 0f 00 00 00 0d 00 00 00 00 00 00 00\n");
    PciDevice port = device(read(text.toString()), "00:1c.0");
    assertThat(port.multifunction()).isTrue();
    assertThat(port.wideAcsControl()).hasValue(0x0d);
  }

  @Test
  void aDeviceWithoutPowerKeepsItsPlaceAndGroup() {
    PciTopology topology =
        read(
            MACHINE.replaceFirst(
                "(?s)(03:00\\.0 [^\n]*).*?(?=03:00\\.1)",
                "$1 (rev ff)\n\tIOMMU group: 9\n\t!!! Unknown header type 7f\n\n"));
    PciDevice gpu = device(topology, "03:00.0");
    assertThat(gpu.pcieType()).isEqualTo(PcieType.ENDPOINT);
    assertThat(gpu.multifunction()).isTrue();
    assertThat(topology.recordedGroup(gpu)).hasValue(9);
    assertThat(topology.notes()).anyMatch(note -> note.contains("did not answer"));
  }

  @Test
  void aSilentBridgeIsFoundByWhatIsBelow() {
    PciTopology topology =
        read(
            MACHINE.replaceFirst(
                "(?s)(04:00\\.0 [^\n]*).*?(?=05:02\\.0)",
                "$1 (rev ff)\n\tIOMMU group: 10\n\t!!! Unknown header type 7f\n\n"));
    assertThat(device(topology, "05:02.0").bus().bridge()).isSameAs(device(topology, "04:00.0"));
    assertThat(topology.notes()).anyMatch(note -> note.contains("taken for the bridge to bus 05"));
  }

  @Test // PCIQ-084
  void segmentsOfAVolumeController() {
    PciTopology topology =
        read(
            "0000:00:0e.0 RAID bus controller [0104]: Intel Corporation Volume Management Device"
                + " NVMe RAID Controller [8086:9a0b]\n\tControl: I/O-\n"
                + "10000:e0:06.0 PCI bridge [0604]: Intel Corporation Port [8086:9a09]\n"
                + "\tBus: primary=e0, secondary=e1, subordinate=e1, sec-latency=0\n"
                + "\tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n"
                + "10000:e1:00.0 Non-Volatile memory controller [0108]: x [f0f0:0060]\n"
                + "\tCapabilities: [40] Express (v2) Endpoint, MSI 00\n");
    PciDevice disk = device(topology, "10000:e1:00.0");
    assertThat(disk.dmaDevice()).isSameAs(device(topology, "00:0e.0"));
    assertThat(disk.bus().bridge()).isSameAs(device(topology, "10000:e0:06.0"));
  }

  @Test
  void bridgesWithImpossibleNumbersLeadNowhere() {
    PciTopology topology =
        read(
            "00:01.0 PCI bridge [0604]: x [1234:0001]\n\tBus: primary=00, secondary=01, subordinate=00\n"
                + "00:02.0 PCI bridge [0604]: x [1234:0001]\n\tBus: primary=00, secondary=01, subordinate=ff\n"
                + "05:03.0 PCI bridge [0604]: x [1234:0001]\n\tBus: primary=05, secondary=02, subordinate=02\n"
                + "01:00.0 Bridge [0680]: x [1234:0002]\n\tControl: I/O+\n");
    assertThat(device(topology, "01:00.0").bus().bridge()).isSameAs(device(topology, "00:01.0"));
    assertThat(topology.busBelow(device(topology, "05:03.0"))).isEmpty();
    assertThat(topology.notes())
        .anyMatch(note -> note.contains("00:02.0 claims to lead to bus 01"))
        .anyMatch(note -> note.contains("not above its own"));
  }

  @Test
  void whatListsNoFunctionIsRefused() {
    for (String text : List.of("", "hello", "\u0000\u0001", "00:01.0", "x".repeat(10 << 20))) {
      assertThatThrownBy(() -> read(text))
          .isInstanceOf(TopologyException.class)
          .hasMessageStartingWith("made-up.txt: no PCI function is listed");
    }
  }

  @Test
  void aFunctionThatIsListedTwiceInFullIsRefusedWithItsLine() {
    assertThatThrownBy(
            () ->
                read(
                    "00:01.0 Bridge [0680]: x [1234:0001]\n\tControl: I/O+\n"
                        + "00:01.0 Bridge [0680]: x [1234:0001]\n\tControl: I/O+\n"))
        .isInstanceOf(TopologyException.class)
        .hasMessage("made-up.txt:3: 0000:00:01.0: is listed twice");
  }

  @Test
  void bothFormatsFromOneStream() throws IOException {
    byte[] json = " \n{\"devices\":[{\"bdf\":\"00:01.0\"}]}".getBytes(StandardCharsets.UTF_8);
    assertThat(MachineFile.read(new ByteArrayInputStream(json), "x").devices()).hasSize(1);
    byte[] text = MACHINE.getBytes(StandardCharsets.UTF_8);
    assertThat(MachineFile.read(new ByteArrayInputStream(text), "x").devices()).hasSize(14);
    byte[] log = ("[    0.000000] Linux\n" + MACHINE).getBytes(StandardCharsets.UTF_8);
    assertThat(MachineFile.read(new ByteArrayInputStream(log), "x").devices()).hasSize(14);
    byte[] list = "[1, 2]".getBytes(StandardCharsets.UTF_8);
    assertThatThrownBy(() -> MachineFile.read(new ByteArrayInputStream(list), "x"))
        .hasMessage("x:1: the text does not begin with a JSON object");
  }
}
