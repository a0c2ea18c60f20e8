/** Arbitraries and histories for property tests with jqwik. */
@NullMarked
package org.iommu4j.testkit.jqwik;

import org.jspecify.annotations.NullMarked;
