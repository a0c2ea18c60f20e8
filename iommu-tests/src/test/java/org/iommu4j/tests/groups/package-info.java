/** Groups foreseen, recorded and formed: real machines, the command, and the live core. */
@NullMarked
package org.iommu4j.tests.groups;

import org.jspecify.annotations.NullMarked;
