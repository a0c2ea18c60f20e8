/** The core against traces of the Linux IOMMU core. */
@NullMarked
package org.iommu4j.tests.conformance;

import org.jspecify.annotations.NullMarked;
