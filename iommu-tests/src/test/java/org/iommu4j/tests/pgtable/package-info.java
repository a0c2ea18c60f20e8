/** Page tables of every format against plain models and hardware's own walks. */
@NullMarked
package org.iommu4j.tests.pgtable;

import org.jspecify.annotations.NullMarked;
