/** The command that replays what real kernels did. */
@NullMarked
package org.iommu4j.cli.transcript;

import org.jspecify.annotations.NullMarked;
