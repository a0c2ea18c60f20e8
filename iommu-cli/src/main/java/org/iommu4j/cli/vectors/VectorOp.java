package org.iommu4j.cli.vectors;

/** What a line of a case asks to be done; the rest of the line is what came of it. */
sealed interface VectorOp {
  record PageSizes(long sizes) implements VectorOp {}

  record Aperture() implements VectorOp {}

  record Hardware() implements VectorOp {}

  record Map(long iova, long paddr, long size, int prot) implements VectorOp {}

  record Unmap(long iova, long size) implements VectorOp {}

  record Translate(long iova) implements VectorOp {}

  record Dump() implements VectorOp {}

  record InitFailed() implements VectorOp {}
}
