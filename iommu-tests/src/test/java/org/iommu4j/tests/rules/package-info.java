/** Which rules of the specification are cited by a test, and the page that says so. */
@NullMarked
package org.iommu4j.tests.rules;

import org.jspecify.annotations.NullMarked;
