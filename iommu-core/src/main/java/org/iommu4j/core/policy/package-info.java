/** The default domain type and the invalidation policy. */
@NullMarked
package org.iommu4j.core.policy;

import org.jspecify.annotations.NullMarked;
