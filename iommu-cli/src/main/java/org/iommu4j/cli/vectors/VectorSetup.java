package org.iommu4j.cli.vectors;

/**
 * The configuration of a case, as recorded.
 *
 * @param format the name of the format
 * @param features one bit per feature; the meaning of the upper ones depends on the format
 * @param inputBits width of input addresses
 * @param outputBits width of output addresses
 * @param topLevel the first top level
 */
public record VectorSetup(
    String format, long features, int inputBits, int outputBits, int topLevel) {}
