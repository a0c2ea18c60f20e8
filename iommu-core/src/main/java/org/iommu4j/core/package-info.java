/**
 * The door of the library: {@link org.iommu4j.core.IommuCore} and what it is built from.
 *
 * <p>One core is one machine. Nothing here is static and mutable, so several cores live side by
 * side.
 */
@NullMarked
package org.iommu4j.core;

import org.jspecify.annotations.NullMarked;
