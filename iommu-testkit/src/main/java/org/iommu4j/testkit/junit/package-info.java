/** JUnit 5 extensions of the testkit. */
@NullMarked
package org.iommu4j.testkit.junit;

import org.jspecify.annotations.NullMarked;
