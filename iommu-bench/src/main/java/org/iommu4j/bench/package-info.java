/** Benchmarks. Each run includes yardsticks, so that its figures can be read as ratios. */
@NullMarked
package org.iommu4j.bench;

import org.jspecify.annotations.NullMarked;
