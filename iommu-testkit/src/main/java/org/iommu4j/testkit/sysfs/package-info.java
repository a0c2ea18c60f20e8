/**
 * The sysfs tree of a fake machine, also as a {@link java.nio.file.FileSystem}: {@link
 * org.iommu4j.testkit.sysfs.MachineSysfs} mounts it, {@link
 * org.iommu4j.testkit.sysfs.SysfsFileSystem} lets code that works on {@link java.nio.file.Path}s
 * use it unchanged.
 */
@NullMarked
package org.iommu4j.testkit.sysfs;

import org.jspecify.annotations.NullMarked;
