package org.iommu4j.testkit.persona;

import org.iommu4j.api.Prot;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;

/** Address ranges and page sizes that several drivers know. */
final class Windows {
  static final long SIZE_4K = 1L << 12;
  static final long SIZE_64K = 1L << 16;
  static final long SIZE_2M = 1L << 21;
  static final long SIZE_1G = 1L << 30;
  static final long SIZE_512G = 1L << 39;

  /** Where interrupts of x86 are written to; not translated by the hardware. */
  static final ResvRegion X86_MSI = ResvRegion.of(0xfee0_0000L, 0x10_0000, 0, ResvType.MSI);

  /** Where software maps doorbells on machines without such a window. */
  static final ResvRegion SOFTWARE_MSI =
      ResvRegion.of(0x800_0000L, 0x10_0000, Prot.WRITE | Prot.NOEXEC | Prot.MMIO, ResvType.SW_MSI);

  private Windows() {}
}
