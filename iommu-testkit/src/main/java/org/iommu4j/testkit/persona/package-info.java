/**
 * Drivers without hardware that answer the core as five drivers of Linux do: VT-d, AMD-Vi, SMMUv3,
 * RISC-V and virtio.
 */
@NullMarked
package org.iommu4j.testkit.persona;

import org.jspecify.annotations.NullMarked;
