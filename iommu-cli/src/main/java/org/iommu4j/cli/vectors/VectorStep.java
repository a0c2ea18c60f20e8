package org.iommu4j.cli.vectors;

import java.util.List;

/**
 * One thing to do and the lines that were recorded of it.
 *
 * @param op what to do
 * @param recorded the line; of a dump also the words that follow
 */
record VectorStep(VectorOp op, List<String> recorded) {}
