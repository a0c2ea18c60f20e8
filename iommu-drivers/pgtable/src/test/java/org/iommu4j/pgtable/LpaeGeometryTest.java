package org.iommu4j.pgtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.Set;
import org.iommu4j.api.IommuException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LpaeGeometryTest {
  private static LpaeConfig config(int stage, int granuleLg2, int input, int output) {
    LpaeStage which = stage == 1 ? LpaeStage.STAGE_1 : LpaeStage.STAGE_2;
    return new LpaeConfig(which, input, output, 1L << granuleLg2, true, Set.of());
  }

  // PTL-001, PTL-009, PTL-010: stage, granule, widths, start level, index bits there, SL0
  @ParameterizedTest
  @CsvSource({
    "1, 12, 48, 48, 0, 9, 0",
    "1, 12, 40, 40, 0, 1, 0",
    "1, 12, 39, 48, 1, 9, 0",
    "1, 14, 48, 48, 0, 1, 0",
    "1, 14, 47, 48, 1, 11, 0",
    "1, 16, 48, 48, 1, 6, 0",
    "1, 16, 52, 52, 1, 10, 0",
    "2, 12, 40, 40, 1, 10, 1",
    "2, 12, 42, 42, 1, 12, 1",
    "2, 12, 44, 44, 0, 5, 2",
    "2, 12, 39, 40, 1, 9, 1",
    "2, 14, 48, 48, 1, 12, 2",
    "2, 14, 40, 40, 2, 15, 1",
    "2, 14, 36, 40, 2, 11, 1",
    "2, 16, 42, 42, 2, 13, 1",
  })
  void dealsBitsToLevels(
      int stage, int granuleLg2, int input, int output, int start, int bits, int code) {
    LpaeConfig config = config(stage, granuleLg2, input, output);
    LpaeGeometry geometry = LpaeGeometry.of(config);
    assertThat(geometry.startLevel()).isEqualTo(start);
    assertThat(geometry.rootBits()).isEqualTo(bits);
    LpaeRegisters registers = LpaeRegisters.of(config, geometry);
    assertThat(registers.startLevel()).isEqualTo(code);
    assertThat(registers.inputSize()).isEqualTo(64 - input);
  }

  // PTL-008
  @ParameterizedTest
  @CsvSource({"33", "46", "50"})
  void outputWidthsWithoutACodeAreRefused(int output) {
    LpaeConfig config = config(1, 16, 32, output);
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(() -> LpaeRegisters.of(config, LpaeGeometry.of(config)));
  }

  // PTL-010
  @ParameterizedTest
  @CsvSource({"12, 48, 40", "12, 48, 42"})
  void moreThanSixteenTablesAreNotPutSideBySide(int granuleLg2, int input, int output) {
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(() -> LpaeGeometry.of(config(2, granuleLg2, input, output)));
  }
}
