/** Domains, the drivers they come from, and the loops that map and unmap. */
@NullMarked
package org.iommu4j.core.domain;

import org.jspecify.annotations.NullMarked;
