/**
 * Transcripts of what real kernels did, replayed on this library: same machine, same boot options,
 * same operations, same answers.
 */
@NullMarked
package org.iommu4j.testkit.transcript;

import org.jspecify.annotations.NullMarked;
