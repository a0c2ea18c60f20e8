/** A fake of the PCI driver core of Linux: binding, hot plug and virtual functions. */
@NullMarked
package org.iommu4j.testkit.linux;

import org.jspecify.annotations.NullMarked;
