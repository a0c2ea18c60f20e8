/**
 * Readers of machine descriptions: each makes a {@link org.iommu4j.api.PciTopology} of a text.
 *
 * <p>A text that describes no possible machine ends in a {@link org.iommu4j.api.TopologyException}
 * that names source, line and device as far as they are known.
 */
@NullMarked
package org.iommu4j.topology;

import org.jspecify.annotations.NullMarked;
