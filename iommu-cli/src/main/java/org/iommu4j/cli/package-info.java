/** The command line: the demo and the conformance replay. */
@NullMarked
package org.iommu4j.cli;

import org.jspecify.annotations.NullMarked;
