/** Property tests across modules, and tests of the property kit itself. */
@NullMarked
package org.iommu4j.tests.properties;

import org.jspecify.annotations.NullMarked;
