/** Physical memory on memory segments, for Java 22 and later. */
@NullMarked
package org.iommu4j.memory.segment;

import org.jspecify.annotations.NullMarked;
