/** Fake machines, hardware models, fault injection and the conformance replay. */
@NullMarked
package org.iommu4j.testkit;

import org.jspecify.annotations.NullMarked;
