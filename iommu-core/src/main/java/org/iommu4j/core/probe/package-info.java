/** Probe and release of devices, instances, buses and firmware ids. */
@NullMarked
package org.iommu4j.core.probe;

import org.jspecify.annotations.NullMarked;
