/** Delivery of trace events, messages and broken invariants. */
@NullMarked
package org.iommu4j.core.trace;

import org.jspecify.annotations.NullMarked;
