/** Implementations of physical memory. */
@NullMarked
package org.iommu4j.memory;

import org.jspecify.annotations.NullMarked;
