/**
 * The reference driver, for a simple made-up IOMMU: the example to copy.
 *
 * <p>Read {@code HARDWARE.md} beside the sources first, then {@code SoftIommu} (what a driver tells
 * the core), {@code SoftDomain} (attach and invalidate; the page-table library does the rest),
 * {@code SoftFormat} and {@code DeviceTable} (what lies in memory), {@code Registers} (commands).
 */
@NullMarked
package org.iommu4j.driver.soft;

import org.jspecify.annotations.NullMarked;
