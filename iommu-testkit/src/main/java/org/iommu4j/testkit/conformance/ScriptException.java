package org.iommu4j.testkit.conformance;

/** A script line that cannot be understood. The message names file and line. */
public final class ScriptException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The file, or another name of the script. */
  private final String source;

  /** The line's number, from 1. */
  private final int line;

  /**
   * Creates a complaint.
   *
   * @param source the file, or another name of the script
   * @param line the line's number, from 1
   * @param problem what is wrong with it
   */
  public ScriptException(String source, int line, String problem) {
    super(source + ":" + line + ": " + problem);
    this.source = source;
    this.line = line;
  }

  /**
   * The script.
   *
   * @return its file or name
   */
  public String source() {
    return source;
  }

  /**
   * The line.
   *
   * @return its number, from 1
   */
  public int line() {
    return line;
  }
}
