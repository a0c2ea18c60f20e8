/**
 * The conformance replay: scripts recorded from the Linux IOMMU core, run again on this library's
 * core with an equivalent recording driver, and compared line by line.
 *
 * <p>{@link org.iommu4j.testkit.conformance.ConformanceReplay} is the door. The recording driver,
 * DMA layer, environment and tracer can be used on their own: they write what they are asked to a
 * {@link org.iommu4j.testkit.conformance.Recording}.
 */
@NullMarked
package org.iommu4j.testkit.conformance;

import org.jspecify.annotations.NullMarked;
