/**
 * What consumers of an IOMMU core see: devices, groups, domains, ownership, errors and observers.
 *
 * <p>Addresses and sizes are unsigned 64-bit values held in {@code long}; sizes are bytes. Every
 * refusal is an {@link org.iommu4j.api.IommuException} that carries an {@link
 * org.iommu4j.api.Errno}.
 */
@NullMarked
package org.iommu4j.api;

import org.jspecify.annotations.NullMarked;
