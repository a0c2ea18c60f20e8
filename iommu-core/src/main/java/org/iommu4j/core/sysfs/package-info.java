/**
 * The tree that Linux shows in {@code /sys}, over a core: groups, IOMMUs and the links of devices.
 *
 * <p>{@link org.iommu4j.core.sysfs.CoreSysfs} makes a {@link org.iommu4j.core.sysfs.SysfsTree} of a
 * core; others mount their own directories into it. A {@link org.iommu4j.core.sysfs.SysfsProcess}
 * acts on the tree by system calls, with the rights of a caller. Nothing is stored here: every
 * look-up asks the core.
 */
@NullMarked
package org.iommu4j.core.sysfs;

import org.jspecify.annotations.NullMarked;
