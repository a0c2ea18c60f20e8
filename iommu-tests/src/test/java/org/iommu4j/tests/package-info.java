/** What several kinds of tests share. */
@NullMarked
package org.iommu4j.tests;

import org.jspecify.annotations.NullMarked;
