package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.StaticDomain;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Table 3 of the rules: what a write of each text does in each situation. One test per cell, each
 * on a core of its own; a refused write must leave everything as it was.
 */
final class TypeTableTest {
  private static final List<String> TEXTS = List.of("identity", "DMA", "DMA-FQ", "auto");

  /** A situation and the outcome of the four texts. */
  private record Row(
      String situation, Consumer<Rig> before, Consumer<Rig> after, String... cells) {}

  private static void nothing(Rig rig) {}

  private static void identityDefault(Rig rig) {
    rig.boot = rig.boot.withPassthrough("1");
  }

  private static void lazyDefault(Rig rig) {
    rig.boot = rig.boot.withStrict("0");
  }

  private static void bind(Rig rig) {
    rig.core().bindDriver(rig.device("a"), false);
  }

  private static void claim(Rig rig) {
    rig.group("a").claimDmaOwner(new DmaOwner("vmm"));
  }

  private static void park(Rig rig) {
    rig.core().resetPrepare(rig.device("a"));
  }

  private static void emptied(Rig rig) {
    for (String name : List.of("a", "b")) {
      rig.core().releaseDevice(rig.device(name));
    }
  }

  private static List<Row> rows() {
    return List.of(
        new Row(
            "no capability",
            TypeTableTest::nothing,
            TypeTableTest::nothing,
            "EACCES",
            "EACCES",
            "EACCES",
            "EACCES"),
        new Row(
            "no default domain",
            rig -> {},
            TypeTableTest::emptied,
            "EINVAL",
            "EINVAL",
            "EINVAL",
            "EINVAL"),
        new Row(
            "DMA, driver bound",
            TypeTableTest::nothing,
            TypeTableTest::bind,
            "EPERM",
            "EPERM",
            "live",
            "EPERM"),
        new Row(
            "DMA, owned",
            TypeTableTest::nothing,
            TypeTableTest::claim,
            "EPERM",
            "EPERM",
            "live",
            "EPERM"),
        new Row(
            "DMA-FQ, driver bound",
            TypeTableTest::lazyDefault,
            TypeTableTest::bind,
            "EPERM",
            "EPERM",
            "EPERM",
            "EPERM"),
        new Row(
            "DMA-FQ, owned",
            TypeTableTest::lazyDefault,
            TypeTableTest::claim,
            "EPERM",
            "EPERM",
            "EPERM",
            "EPERM"),
        new Row(
            "idle, DMA",
            TypeTableTest::nothing,
            TypeTableTest::nothing,
            "new identity",
            "same",
            "live",
            "same"),
        new Row(
            "idle, identity, flush supported",
            TypeTableTest::identityDefault,
            TypeTableTest::nothing,
            "same",
            "new DMA",
            "new DMA-FQ",
            "same"),
        new Row(
            "idle, identity, flush not supported",
            TypeTableTest::identityDefault,
            rig -> rig.dma.outcome = DmaLayer.Outcome.DOWNGRADED,
            "same",
            "new DMA",
            "new DMA",
            "same"),
        new Row(
            "idle, driver forces DMA, DMA",
            rig -> rig.driver.wishes.put("b", DomainType.DMA),
            TypeTableTest::nothing,
            "EINVAL",
            "same",
            "live",
            "same"),
        new Row(
            "idle, driver forces identity",
            rig -> rig.driver.wishes.put("b", DomainType.IDENTITY),
            TypeTableTest::nothing,
            "same",
            "EINVAL",
            "EINVAL",
            "same"),
        new Row(
            "idle, untrusted member, DMA",
            rig -> rig.pci("b", builder -> builder.untrusted(true)),
            TypeTableTest::nothing,
            "EINVAL",
            "same",
            "live",
            "same"),
        new Row(
            "idle, static platform default",
            rig -> rig.driver.defaultDomain = rig.driver.newStatic(StaticDomain.Kind.PLATFORM),
            TypeTableTest::nothing,
            "EINVAL",
            "EINVAL",
            "EINVAL",
            "same"),
        new Row(
            "idle, parked, identity",
            TypeTableTest::identityDefault,
            TypeTableTest::park,
            "same",
            "EBUSY",
            "EBUSY",
            "same"),
        new Row(
            "idle, parked, DMA",
            TypeTableTest::nothing,
            TypeTableTest::park,
            "EBUSY",
            "same",
            "live",
            "same"),
        new Row(
            "idle, parked, auto names another type",
            rig -> {
              rig.driver.identity = null;
              rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_IDENTITY);
            },
            rig -> {
              park(rig);
              rig.driver.wishes.put("a", DomainType.IDENTITY);
            },
            "EBUSY",
            "EINVAL",
            "live",
            "EBUSY"));
  }

  // CORE-200, CORE-201, CORE-205, CORE-208, CORE-209, CORE-210, CORE-211, CORE-212, CORE-220,
  // CORE-221, CORE-222, CORE-223, CORE-230
  @TestFactory
  Stream<DynamicTest> eachCell() {
    return rows().stream()
        .flatMap(
            row ->
                Stream.of(0, 1, 2, 3)
                    .map(
                        column ->
                            DynamicTest.dynamicTest(
                                row.situation() + " <- " + TEXTS.get(column),
                                () -> cell(row, column))));
  }

  private static void cell(Row row, int column) {
    Rig rig = new Rig();
    rig.pci("a", builder -> builder.ats(true));
    row.before().accept(rig);
    IommuGroup group = rig.startWithGroup("a", "b");
    group.ref();
    row.after().accept(rig);
    rig.takeViolations();
    String before = rig.core().dump();
    String domainBefore = Rig.nameOf(group.defaultDomain());
    rig.journal.clear();

    String text = TEXTS.get(column);
    Caller caller = row.situation().equals("no capability") ? Caller.UNPRIVILEGED : Caller.ROOT;
    String outcome;
    try {
      assertThat(group.writeType(text, caller)).isEqualTo(text.length());
      outcome = "ok";
    } catch (IommuException refused) {
      outcome = refused.errno().name();
    }

    String expected = row.cells()[column];
    switch (expected) {
      case "same" -> {
        assertThat(outcome).isEqualTo("ok");
        assertThat(rig.takeCalls()).isEmpty();
        assertThat(rig.core().dump()).isEqualTo(before);
      }
      case "live" -> {
        assertThat(outcome).isEqualTo("ok");
        assertThat(rig.takeCalls()).as("no driver callback").isEmpty();
        assertThat(Rig.nameOf(group.defaultDomain())).isEqualTo(domainBefore);
        assertThat(group.typeText()).isEqualTo("DMA-FQ");
        assertThat(rig.journal.starting("?")).isEmpty();
      }
      case "new identity", "new DMA", "new DMA-FQ" -> {
        assertThat(outcome).isEqualTo("ok");
        assertThat(group.typeText()).isEqualTo(expected.substring("new ".length()));
        assertThat(Rig.nameOf(group.defaultDomain())).isNotEqualTo(domainBefore);
        assertThat(group.snapshot().currentDomain()).isSameAs(group.defaultDomain());
      }
      default -> {
        assertThat(outcome).isEqualTo(expected);
        assertThat(rig.core().dump()).isEqualTo(before);
        assertThat(rig.journal.starting("attach")).isEmpty();
      }
    }
    assertThat(rig.takeViolations()).isEmpty();
    rig.core().closeForced();
  }

  @TestFactory // CORE-201, CORE-623: groups without driver
  Stream<DynamicTest> plainGroups() {
    return TEXTS.stream()
        .map(
            text ->
                DynamicTest.dynamicTest(
                    text,
                    () -> {
                      Rig rig = new Rig();
                      IommuGroup group = rig.core().allocGroup();
                      assertThat(group.typeText()).isEqualTo("unknown");
                      Rig.refused(
                          org.iommu4j.api.Errno.EINVAL, () -> group.writeType(text, Caller.ROOT));
                      Rig.refused(
                          org.iommu4j.api.Errno.EINVAL,
                          () ->
                              group.changeDefaultDomain(
                                  DefaultDomainRequest.parse(text).orElseThrow()));
                    }));
  }
}
