/** The soft driver on the hardware model, through the core. */
@NullMarked
package org.iommu4j.tests.soft;

import org.jspecify.annotations.NullMarked;
