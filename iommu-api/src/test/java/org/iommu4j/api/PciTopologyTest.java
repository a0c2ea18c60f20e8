package org.iommu4j.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A topology is what was described, from the roots down, or a refusal that names the function. */
class PciTopologyTest {
  private final PciTopology.Builder builder = PciTopology.builder("box");

  @Test
  void anEmptyMachine() {
    PciTopology topology = builder.build();

    assertThat(topology.machine()).isEqualTo("box");
    assertThat(topology.description()).isEmpty();
    assertThat(topology.devices()).isEmpty();
    assertThat(topology.rootBuses()).isEmpty();
    assertThat(topology.recordedGroups()).isEmpty();
  }

  @Test
  void devicesComeInScanOrderWhateverTheOrderOfDescription() {
    builder.function("0001:00:00.0");
    builder.function("0000:02:00.1").below("0000:00:01.0");
    builder.function("0000:80:00.0");
    builder.function("0000:02:00.0").below("0000:00:01.0");
    builder.function("0000:01:00.0").below("0000:00:02.0");
    builder.function("0000:00:02.0").secondaryBus(1);
    builder.function("0000:00:01.0").secondaryBus(2);

    PciTopology topology = builder.build();

    assertThat(topology.devices())
        .extracting(Device::name)
        .containsExactly(
            "0000:00:01.0",
            "0000:00:02.0",
            "0000:01:00.0",
            "0000:02:00.0",
            "0000:02:00.1",
            "0000:80:00.0",
            "0001:00:00.0");
    assertThat(topology.rootBuses())
        .extracting(PciBus::toString)
        .containsExactly("0000:00", "0000:80", "0001:00");
  }

  @Test
  void functionsHangBelowTheirBridges() {
    builder.function("00:01.0").secondaryBus(1);
    builder.function("00:02.0").secondaryBus(2);
    builder.function("01:00.0").below("00:01.0");

    PciTopology topology = builder.build();
    PciDevice bridge = device(topology, "00:01.0");
    PciDevice endpoint = device(topology, "01:00.0");

    assertThat(endpoint.bus().bridge()).isSameAs(bridge);
    assertThat(endpoint.bus().parent()).isSameAs(bridge.bus());
    assertThat(endpoint.bus().devices()).containsExactly(endpoint);
    assertThat(bridge.bus().isRoot()).isTrue();
    assertThat(topology.busBelow(bridge)).containsSame(endpoint.bus());
    assertThat(topology.busBelow(endpoint)).isEmpty();
    assertThat(topology.busBelow(device(topology, "00:02.0")).orElseThrow().devices()).isEmpty();
  }

  @Test
  void aFunctionWithoutNamedParentHangsBelowTheBridgeThatLeadsToItsBus() {
    builder.function("01:00.0");
    builder.function("00:01.0").secondaryBus(1);

    PciTopology topology = builder.build();

    assertThat(device(topology, "01:00.0").bus().bridge()).isSameAs(device(topology, "00:01.0"));
  }

  @Test
  void aBridgeWithoutNumberLeadsToTheBusOfItsChildren() {
    builder.function("00:01.0");
    builder.function("05:00.0").below("00:01.0");

    PciTopology topology = builder.build();

    assertThat(topology.busBelow(device(topology, "00:01.0")).orElseThrow().number()).isEqualTo(5);
  }

  @Test
  void anUnconfiguredBridgeLeadsNowhere() {
    builder.function("00:01.0").secondaryBus(0).subordinateBus(0);
    builder.function("00:02.0").secondaryBus(0);

    PciTopology topology = builder.build();

    assertThat(topology.busBelow(device(topology, "00:01.0"))).isEmpty();
  }

  @Test
  void aForwardedBusToWhichNoBridgeLeadsIsVirtual() {
    builder.function("00:01.0").secondaryBus(1).subordinateBus(2);
    builder.function("01:00.0").below("00:01.0");
    builder.function("02:10.0").below("00:01.0");
    builder.function("02:10.2").below("00:01.0");

    PciTopology topology = builder.build();
    PciBus virtual = device(topology, "02:10.0").bus();

    assertThat(virtual.bridge()).isNull();
    assertThat(virtual.parent()).isSameAs(device(topology, "01:00.0").bus());
    assertThat(device(topology, "02:10.2").bus()).isSameAs(virtual);
  }

  @Test
  void aDeviceIsFoundByAnySpellingOfItsAddress() {
    builder.function("0000:0A:1f.7");

    PciTopology topology = builder.build();
    PciDevice device = topology.devices().get(0);

    assertThat(device.name()).isEqualTo("0000:0a:1f.7");
    assertThat(topology.find("0000:0a:1f.7")).containsSame(device);
    assertThat(topology.find("0000:0A:1F.7")).containsSame(device);
    assertThat(topology.find("0a:1f.7")).containsSame(device);
    assertThat(topology.find("0b:1f.7")).isEmpty();
    assertThat(topology.find("no address")).isEmpty();
  }

  @Test
  void whatWasRecordedIsKept() {
    builder
        .description("a box")
        .function("00:01.0")
        .recordedGroup(7)
        .driver("igb")
        .classCode("020000")
        .description("the network")
        .facts((device, bus) -> device.ids(0x8086, 0x1521).multifunction(true));
    builder.function("00:02.0");
    builder.function("00:01.1").recordedGroup(7);
    builder.function("00:00.0").recordedGroup(3);

    PciTopology topology = builder.build();
    PciDevice nic = device(topology, "00:01.0");
    PciDevice other = device(topology, "00:02.0");

    assertThat(topology.description()).contains("a box");
    assertThat(topology.recordedGroup(nic)).hasValue(7);
    assertThat(topology.driver(nic)).contains("igb");
    assertThat(topology.classCode(nic)).contains("020000");
    assertThat(topology.description(nic)).contains("the network");
    assertThat(nic.vendorId()).isEqualTo(0x8086);
    assertThat(nic.deviceId()).isEqualTo(0x1521);
    assertThat(nic.multifunction()).isTrue();
    assertThat(topology.recordedGroup(other)).isEmpty();
    assertThat(topology.driver(other)).isEmpty();
    assertThat(topology.recordedGroups().keySet()).containsExactly(3, 7);
    assertThat(topology.recordedGroups().get(7)).containsExactly(nic, device(topology, "00:01.1"));
    assertThat(topology.recordedGroup(PciDevice.at("00:01.0"))).isEmpty();
  }

  @Test
  void factsAreAskedForFromTheRootsDown() {
    List<String> asked = new ArrayList<>();
    builder.function("01:00.0").facts((device, bus) -> asked.add("below " + bus.bridge()));
    builder
        .function("00:01.0")
        .secondaryBus(1)
        .facts((device, bus) -> asked.add("root " + bus.isRoot()));

    builder.build();

    assertThat(asked).containsExactly("root true", "below 0000:00:01.0");
  }

  @Test
  void everyBuildMakesDevicesOfItsOwn() {
    builder.function("00:01.0").secondaryBus(1);
    builder.function("01:00.0");

    PciTopology one = builder.build();
    PciTopology other = builder.build();

    assertThat(device(one, "01:00.0")).isNotSameAs(device(other, "01:00.0"));
    assertThat(device(one, "01:00.0").bus().devices()).hasSize(1);
  }

  /** What cannot exist. */
  @Nested
  class Refused {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "",
          "00",
          "00:00",
          "00:00.8",
          "00:20.0",
          "100:00.0",
          "0000-00:00.0",
          "0000:00:0g.0",
          "80000000:00:00.0",
          "000010000:00:00.0",
          "0000:00:00:0",
          " 00:00.0",
          "00:00.0\n",
          "+1:00.0"
        })
    void whatIsNoAddress(String text) {
      assertThatThrownBy(() -> builder.function(text))
          .isInstanceOf(TopologyException.class)
          .hasMessage("'" + text + "' is not a PCI address");
      assertThat(builder.build().find(text)).isEmpty();
    }

    @Test
    void aFunctionThatIsListedTwice() {
      builder.function("0000:00:01.0");
      refused(() -> builder.function("00:01.0"), "0000:00:01.0", "is listed twice");
    }

    @Test
    void aParentThatIsNoAddress() {
      refused(
          () -> builder.function("01:00.0").below("up"),
          "0000:01:00.0",
          "its parent 'up' is not a PCI address");
    }

    @Test
    void aParentThatIsMissing() {
      builder.function("01:00.0").below("00:01.0");
      refused("0000:01:00.0", "its parent 0000:00:01.0 is not in the machine");
    }

    @Test
    void aParentThatLeadsToNoBus() {
      builder.function("00:01.0").secondaryBus(0);
      builder.function("01:00.0").below("00:01.0");
      refused("0000:01:00.0", "its parent 0000:00:01.0 leads to no bus");
    }

    @Test
    void aParentInAnotherSegment() {
      builder.function("0001:00:01.0").secondaryBus(1);
      builder.function("0000:01:00.0").below("0001:00:01.0");
      refused("0000:01:00.0", "its parent 0001:00:01.0 is in another segment");
    }

    @Test
    void aParentThatLeadsToAnotherBus() {
      builder.function("00:01.0").secondaryBus(1);
      builder.function("02:00.0").below("00:01.0");
      refused("0000:02:00.0", "is on bus 0x02, but its parent 0000:00:01.0 leads to bus 0x01");
    }

    @Test
    void aFunctionThatIsItsOwnParent() {
      builder.function("01:00.0").secondaryBus(1).below("01:00.0");
      refused("0000:01:00.0", "is its own ancestor: 0000:01:00.0 below 0000:01:00.0");
    }

    @Test
    void aCycleOfParents() {
      builder.function("01:00.0").below("03:00.0").secondaryBus(2);
      builder.function("02:00.0").below("01:00.0").secondaryBus(3);
      builder.function("03:00.0").below("02:00.0").secondaryBus(1);
      refused(
          "0000:01:00.0",
          "is its own ancestor: 0000:01:00.0 below 0000:03:00.0 below 0000:02:00.0"
              + " below 0000:01:00.0");
    }

    @Test
    void aLongCycleOfParentsIsNotNamedInFull() {
      for (int bus = 0; bus < 256; bus++) {
        String above = String.format("%02x:00.0", (bus + 255) % 256);
        builder.function(String.format("%02x:00.0", bus)).below(above);
      }
      assertThatThrownBy(builder::build)
          .hasMessageEndingWith(" below 0000:f9:00.0 and so on")
          .hasMessageStartingWith("0000:00:00.0: is its own ancestor: 0000:00:00.0 below ");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 256, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void busNumbersThatDoNotExist(int number) {
      PciTopology.FunctionBuilder bridge = builder.function("00:01.0");
      String range = String.format("bus 0x%x is not within 0..0xff", number);
      refused(() -> bridge.secondaryBus(number), "0000:00:01.0", "its secondary " + range);
      refused(() -> bridge.subordinateBus(number), "0000:00:01.0", "its subordinate " + range);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void aBridgeThatLeadsBackUp(int number) {
      builder.function("05:00.0").secondaryBus(number);
      refused(
          "0000:05:00.0",
          String.format("its secondary bus 0x%02x is not above its own bus 0x05", number));
    }

    @Test
    void aBridgeThatForwardsLessThanItsBus() {
      builder.function("00:01.0").secondaryBus(3).subordinateBus(2);
      refused("0000:00:01.0", "its subordinate bus 0x02 is below its secondary bus 0x03");
    }

    @Test
    void twoWaysToOneBus() {
      builder.function("00:01.0").secondaryBus(1);
      builder.function("00:02.0").secondaryBus(1);
      refused("0000:00:02.0", "leads to bus 0000:01, to which 0000:00:01.0 leads already");
    }

    @Test
    void oneBusInTwoPlaces() {
      builder.function("00:01.0").secondaryBus(1).subordinateBus(4);
      builder.function("03:00.0");
      builder.function("03:00.1").below("00:01.0");
      refused("0000:03:00.1", "is on one bus with 0000:03:00.0, but not below the same bridge");
    }

    @Test
    void aNegativeGroup() {
      refused(
          () -> builder.function("00:01.0").recordedGroup(-1),
          "0000:00:01.0",
          "its IOMMU group -1 is negative");
    }

    private void refused(String device, String problem) {
      refused(builder::build, device, problem);
    }

    private void refused(ThrowingCallable call, String device, String problem) {
      assertThatThrownBy(call)
          .isInstanceOfSatisfying(
              TopologyException.class,
              e -> {
                assertThat(e.device()).contains(device);
                assertThat(e.problem()).isEqualTo(problem);
                assertThat(e).hasMessage(device + ": " + problem);
                assertThat(e.source()).isEmpty();
                assertThat(e.line()).isEmpty();
              });
    }
  }

  @Test
  void aRefusalCanBeLocated() {
    TopologyException refusal = new TopologyException("0000:00:01.0", "is wrong");

    TopologyException located = refusal.at("box.json", 12);
    TopologyException elsewhere = refusal.at("box.json", 0);

    assertThat(located).hasMessage("box.json:12: 0000:00:01.0: is wrong").hasCause(refusal);
    assertThat(located.source()).contains("box.json");
    assertThat(located.line()).hasValue(12);
    assertThat(located.device()).contains("0000:00:01.0");
    assertThat(elsewhere).hasMessage("box.json: 0000:00:01.0: is wrong");
    assertThat(elsewhere.line()).isEmpty();
  }

  private static PciDevice device(PciTopology topology, String address) {
    return topology.find(address).orElseThrow();
  }
}
