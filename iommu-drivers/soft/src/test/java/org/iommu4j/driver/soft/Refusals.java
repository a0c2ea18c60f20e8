package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.MapResult;

/** Assertions about errnos. */
final class Refusals {
  private Refusals() {}

  static void assertRefused(Errno errno, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            IommuException.class, refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  static void assertMapped(long pages, long result) {
    assertThat(MapResult.isFailure(result)).isFalse();
    assertThat(MapResult.pages(result)).isEqualTo(pages);
  }

  static void assertMapFailed(Errno errno, long pages, long result) {
    assertThat(MapResult.isFailure(result)).isTrue();
    assertThat(MapResult.errno(result)).isEqualTo(errno);
    assertThat(MapResult.pages(result)).isEqualTo(pages);
  }
}
