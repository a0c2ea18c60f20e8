/** The code that README and docs show. Each example has a main method, and a test that runs it. */
@NullMarked
package org.iommu4j.examples;

import org.jspecify.annotations.NullMarked;
