/** Many threads in one core: model-checked histories of a group, and a soak of everything. */
@NullMarked
package org.iommu4j.tests.concurrency;

import org.jspecify.annotations.NullMarked;
