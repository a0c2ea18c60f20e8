package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.List;
import java.util.Objects;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.Fwspec;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What firmware says about a device, and what a driver defers for. */
final class FirmwareTest {
  @RegisterExtension final Rig rig = new Rig();

  private final FirmwareNode node = new FirmwareNode("iommu");

  private Device described(String name, Integer... ids) {
    return rig.pci(name, builder -> builder.iommu(new IommuSpecifier(node, List.of(ids))));
  }

  private Fwspec fwspec(String name) {
    return Objects.requireNonNull(rig.dev(name).fwspec());
  }

  @ParameterizedTest // CORE-070
  @EnumSource(
      value = Errno.class,
      names = {"EPROBE_DEFER", "ENODEV", "ETIMEDOUT"})
  void theDriverCoreDecidesAboutAMissingIommu(Errno verdict) {
    rig.env.verdict = verdict;
    refused(verdict, () -> rig.core().initFwspec(rig.device("a"), node));
    assertThat(rig.journal.starting("env allocate")).isEmpty();
  }

  @Test // CORE-070, CORE-077: such a verdict stops a bind only if it is a deferral
  void aFinalVerdictBindsWithoutIommu() {
    described("a");
    rig.addFailing("a");
    rig.env.verdict = Errno.ENODEV;
    rig.core().bindDriver(rig.device("a"), false);
    assertThat(rig.core().group(rig.device("a"))).isEmpty();
    rig.core().unbindDriver(rig.device("a"));
  }

  @Test // CORE-071
  void insideAProbeTheInstanceNeedNotBeReady() {
    FakeInstance instance = rig.instanceAt(node);
    described("a", 1);
    rig.addFailing("a");
    rig.core().register(instance);
    assertThat(fwspec("a").ids()).containsExactly(1);
  }

  @Test // CORE-072
  void aSecondSpecOfTheSameDriverChangesNothing() {
    FirmwareNode second = new FirmwareNode("second");
    FirmwareNode foreign = new FirmwareNode("foreign");
    FakeDriver other = rig.newDriver("other");
    FakeInstance alien = new FakeInstance("i9", other, foreign);
    rig.core().register(rig.instanceAt(node));
    rig.core().register(rig.instanceAt(second));
    rig.core().register(alien);
    described("a", 4);
    rig.add("a");
    rig.core().initFwspec(rig.device("a"), second);
    assertThat(fwspec("a").node()).isSameAs(node);
    assertThat(fwspec("a").ids()).containsExactly(4);
    refused(Errno.EINVAL, () -> rig.core().initFwspec(rig.device("a"), foreign));
    assertThat(fwspec("a").node()).isSameAs(node);
  }

  @Test // CORE-073
  void aNewSpecHasNoIds() {
    rig.core().register(rig.instanceAt(node));
    rig.core().initFwspec(rig.device("a"), node);
    rig.add("a");
    assertThat(fwspec("a")).isEqualTo(new Fwspec(node, List.of(), false));
  }

  @Test // CORE-073: lack of memory may leave a fresh object behind; a retry starts clean
  void lackOfMemoryForASpec() {
    rig.core().register(rig.instanceAt(node));
    rig.hooks.fail("env.allocate", "fwspec", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> rig.core().initFwspec(rig.device("a"), node));
    rig.core().initFwspec(rig.device("a"), node);
    rig.core().addFwspecIds(rig.device("a"), List.of(5));
    rig.add("a");
    assertThat(fwspec("a").ids()).containsExactly(5);
  }

  @Test // CORE-074
  void idsAreAppendedInOrderWithDuplicates() {
    rig.core().register(rig.instanceAt(node));
    refused(Errno.EINVAL, () -> rig.core().addFwspecIds(rig.device("a"), List.of(1)));
    rig.core().initFwspec(rig.device("a"), node);
    rig.core().addFwspecIds(rig.device("a"), List.of(3, 1));
    rig.core().addFwspecIds(rig.device("a"), List.of(3));
    rig.hooks.fail("env.allocate", "fwspec ids", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> rig.core().addFwspecIds(rig.device("a"), List.of(9)));
    rig.add("a");
    assertThat(fwspec("a").ids()).containsExactly(3, 1, 3);
  }

  @Test // CORE-074: an API device without fwspec
  void aNodelessDeviceTakesNoIds() {
    rig.start();
    rig.add("a");
    assertThat(rig.dev("a").fwspec()).isNull();
    assertThat(refused(Errno.EINVAL, () -> rig.dev("a").addFwspecIds(List.of(0x1f))))
        .hasMessageContaining("[31]");
  }

  @Test // CORE-076: nothing named is ENODEV, which a probe ignores
  void withoutSpecifiersTheNodelessInstanceServes() {
    rig.start();
    rig.add("a");
    assertThat(rig.journal.starting("of_xlate")).isEmpty();
    assertThat(rig.journal.starting("env dma_configure")).hasSize(1);
  }

  @Test // CORE-076: each entry in order, the first error ends it
  void entriesAreTranslatedInOrder() {
    rig.core().register(rig.instanceAt(node));
    Device a =
        PlatformDevice.builder("a")
            .iommu(new IommuSpecifier(node, List.of(1, 2)))
            .iommu(new IommuSpecifier(node, List.of(3)))
            .build();
    rig.core().probeDevice(a);
    assertThat(rig.journal.starting("of_xlate"))
        .containsExactly("of_xlate a [1, 2]", "of_xlate a [3]");
    Device b =
        PlatformDevice.builder("b")
            .iommu(new IommuSpecifier(node, List.of(1)))
            .iommu(new IommuSpecifier(node, List.of(2)))
            .build();
    rig.hooks.fail("of_xlate", "b", Errno.EINVAL);
    rig.journal.clear();
    refused(Errno.ENODEV, () -> rig.core().probeDevice(b));
    assertThat(rig.journal.starting("of_xlate")).containsExactly("of_xlate b [1] = EINVAL");
  }

  @Test // CORE-076: a PCI device is translated once for each of its DMA aliases
  void pciDevicesAreTranslatedPerAlias() {
    rig.core().register(rig.instanceAt(node));
    PciDevice bridge =
        PciDevice.builder(PciBus.root(0, 5), 0, 0).pcieType(PcieType.PCIE_TO_PCI_BRIDGE).build();
    PciDevice device =
        PciDevice.builder("a", PciBus.below(bridge, 6), 1, 0)
            .pcieType(PcieType.CONVENTIONAL)
            .alias(9)
            .iommu(new IommuSpecifier(node, List.of(8)))
            .build();
    rig.core().probeDevice(device);
    assertThat(rig.journal.starting("of_xlate a")).hasSize(3);
  }

  @Test // CORE-076: an existing fwspec is left alone
  void aDescribedDeviceIsNotTranslatedAgain() {
    rig.core().register(rig.instanceAt(node));
    described("a", 1);
    rig.add("a");
    rig.journal.clear();
    rig.core().bindDriver(rig.device("a"), false);
    assertThat(rig.journal.starting("of_xlate")).isEmpty();
    rig.core().unbindDriver(rig.device("a"));
  }

  @Test // CORE-077
  void disabledNodesAndDriversWithoutTranslationAreNoDevice() {
    FirmwareNode disabled = new FirmwareNode("disabled", false);
    FirmwareNode mute = new FirmwareNode("mute");
    FakeDriver other = rig.newDriver("other");
    other.operations.remove(IommuOp.OF_XLATE);
    rig.core().register(rig.instanceAt(disabled));
    FakeInstance silent = new FakeInstance("mute", other, mute);
    other.instances.add(silent);
    rig.core().register(silent);
    Device a = PlatformDevice.builder("a").iommu(IommuSpecifier.of(disabled)).build();
    refused(Errno.ENODEV, () -> rig.core().probeDevice(a));
    Device b = PlatformDevice.builder("b").iommu(IommuSpecifier.of(mute)).build();
    refused(Errno.ENODEV, () -> rig.core().probeDevice(b));
    assertThat(rig.takeCalls()).isEmpty();
  }

  @Test // CORE-077: a driver that is being unloaded
  void aDriverThatCannotBePinnedTranslatesNothing() {
    rig.core().register(rig.instanceAt(node));
    described("a", 1);
    rig.env.pinnable = false;
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENODEV);
    assertThat(rig.takeCalls()).isEmpty();
  }

  @Test // CORE-078, CORE-075: after a failed translation the retry starts clean
  void aRetryStartsClean() {
    rig.core().register(rig.instanceAt(node));
    described("a", 1);
    rig.hooks.fail("of_xlate", "a", Errno.EPROBE_DEFER);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENODEV);
    rig.core().probeDevice(rig.device("a"));
    assertThat(fwspec("a").ids()).containsExactly(1);
  }

  @Test // CORE-078: a bind without dev_iommu at entry frees all of it
  void aFailedLateLookUpFreesTheObject() {
    rig.core().register(rig.instanceAt(node));
    described("a", 1);
    rig.hooks.fail("env.dma_configure", "a", Errno.EIO);
    rig.addFailing("a");
    rig.hooks.fail("of_xlate", "a", Errno.EPROBE_DEFER);
    refused(Errno.EPROBE_DEFER, () -> rig.core().bindDriver(rig.device("a"), false));
    refused(Errno.EINVAL, () -> rig.core().addFwspecIds(rig.device("a"), List.of(1)));
  }

  @Test // CORE-044, CORE-600: release forgets firmware's ids, even of a device nobody served
  void releaseForgetsWhatFirmwareSaid() {
    rig.core().register(rig.instanceAt(node));
    rig.core().initFwspec(rig.device("a"), node);
    rig.core().addFwspecIds(rig.device("a"), List.of(5));
    rig.core().releaseDevice(rig.device("a"));
    refused(Errno.EINVAL, () -> rig.core().addFwspecIds(rig.device("a"), List.of(6)));
  }
}
