/** What may depend on what, and what no class may do. */
@NullMarked
package org.iommu4j.tests.arch;

import org.jspecify.annotations.NullMarked;
