/** Which names of the kernel the library mirrors, and the page that says so. */
@NullMarked
package org.iommu4j.tests.parity;

import org.jspecify.annotations.NullMarked;
