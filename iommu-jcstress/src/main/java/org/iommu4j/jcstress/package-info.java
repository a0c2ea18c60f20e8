/**
 * What two threads may see of each other: writers of one page table, a writer and the hardware that
 * walks it, users of one group. {@link org.iommu4j.jcstress.Races} runs them all.
 */
@NullMarked
package org.iommu4j.jcstress;

import org.jspecify.annotations.NullMarked;
