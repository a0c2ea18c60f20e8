package org.iommu4j.cli.shell;

/** A line that is no command of this shell. */
final class SyntaxError extends Exception {
  private static final long serialVersionUID = 1L;

  SyntaxError(String message) {
    super(message);
  }
}
