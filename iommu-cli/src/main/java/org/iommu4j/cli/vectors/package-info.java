/** Golden words of page tables: recorded cases are run through this library and compared. */
@NullMarked
package org.iommu4j.cli.vectors;

import org.jspecify.annotations.NullMarked;
