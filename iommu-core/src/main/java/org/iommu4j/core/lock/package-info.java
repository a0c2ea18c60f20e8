/** The locks of one core, their order, and refusals instead of deadlocks. */
@NullMarked
package org.iommu4j.core.lock;

import org.jspecify.annotations.NullMarked;
