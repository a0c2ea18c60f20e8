package org.iommu4j.cli.vectors;

/** Writes what this library does in a case, in the grammar in which cases are read. */
final class VectorWriter {
  private VectorWriter() {}

  /** A whole case and an empty line. */
  static String text(VectorResult result) {
    VectorSetup setup = result.recorded().setup();
    var text = new StringBuilder();
    text.append("case ").append(result.recorded().name()).append('\n');
    text.append(
        String.format(
            "cfg fmt=%s features=0x%x vasz=%d oasz=%d top=%d\n",
            setup.format(),
            setup.features(),
            setup.inputBits(),
            setup.outputBits(),
            setup.topLevel()));
    for (VectorStep step : result.replayed()) {
      step.recorded().forEach(line -> text.append(line).append('\n'));
    }
    return text.append("end\n\n").toString();
  }
}
