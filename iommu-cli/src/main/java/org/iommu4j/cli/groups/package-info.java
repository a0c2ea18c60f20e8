/** The groups of described machines: as a tree, with reasons, as JSON, and checked. */
@NullMarked
package org.iommu4j.cli.groups;

import org.jspecify.annotations.NullMarked;
