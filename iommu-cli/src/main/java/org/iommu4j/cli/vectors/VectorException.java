package org.iommu4j.cli.vectors;

import java.nio.file.Path;

/** A file is not what the grammar of vectors allows. */
public final class VectorException extends Exception {
  private static final long serialVersionUID = 1L;

  VectorException(Path file, int line, String problem) {
    super(file + ":" + line + ": " + problem);
  }
}
