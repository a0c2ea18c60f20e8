/** The shell of {@code iommuctl shell}: a few commands on the sysfs tree of a fake machine. */
@NullMarked
package org.iommu4j.cli.shell;

import org.jspecify.annotations.NullMarked;
