/** Page tables against words that Linux wrote. */
@NullMarked
package org.iommu4j.tests.vectors;

import org.jspecify.annotations.NullMarked;
