/**
 * Groups foreseen for a machine, and why.
 *
 * <p>A {@link org.iommu4j.api.grouping.GroupPrediction} lists the groups; each member that found a
 * group already there carries the {@link org.iommu4j.api.grouping.MergeReason}s that led it there,
 * as typed values and as sentences. An {@link org.iommu4j.api.grouping.Isolation} says whether one
 * function is isolated and what decides it.
 */
@NullMarked
package org.iommu4j.api.grouping;

import org.jspecify.annotations.NullMarked;
