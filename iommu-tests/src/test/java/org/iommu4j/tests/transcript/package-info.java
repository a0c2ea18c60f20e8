/** Real kernels as referees. */
@NullMarked
package org.iommu4j.tests.transcript;

import org.jspecify.annotations.NullMarked;
