/** A fake of VFIO's containers, groups and devices, as a virtual machine monitor uses them. */
@NullMarked
package org.iommu4j.testkit.vfio;

import org.jspecify.annotations.NullMarked;
