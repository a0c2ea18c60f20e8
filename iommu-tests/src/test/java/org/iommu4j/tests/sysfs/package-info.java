/** The sysfs tree of fake machines, looked at by code of others and of our own. */
@NullMarked
package org.iommu4j.tests.sysfs;

import org.jspecify.annotations.NullMarked;
