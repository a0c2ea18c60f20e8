package org.iommu4j.api;

import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A description of a machine that cannot be true, or that cannot be read.
 *
 * <p>The message names what is known of the place: {@code eve.json:57: 0000:00:03.0: problem}.
 */
public final class TopologyException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** The file or stream, null if there is none. */
  private final @Nullable String source;

  /** Counted from 1; 0 if unknown. */
  private final int line;

  /** The function that is wrong, null if it is not one function. */
  private final @Nullable String device;

  /** The message without the place. */
  private final String problem;

  /**
   * Creates a refusal without a place in a text.
   *
   * @param device the function that is wrong, or null if the fault is not in one function
   * @param problem what is wrong with it, for people
   */
  public TopologyException(@Nullable String device, String problem) {
    this(null, 0, device, problem, null);
  }

  private TopologyException(
      @Nullable String source,
      int line,
      @Nullable String device,
      String problem,
      @Nullable Throwable cause) {
    super(message(source, line, device, problem), cause);
    this.source = source;
    this.line = line;
    this.device = device;
    this.problem = problem;
  }

  private static String message(
      @Nullable String source, int line, @Nullable String device, String problem) {
    StringBuilder message = new StringBuilder();
    if (source != null) {
      message.append(source).append(line > 0 ? ":" + line : "").append(": ");
    }
    if (device != null) {
      message.append(device).append(": ");
    }
    return message.append(problem).toString();
  }

  /**
   * The same refusal, located in the text that was read.
   *
   * @param name of the file or stream
   * @param lineNumber counted from 1; 0 if unknown
   * @return a new exception whose cause is this one
   */
  public TopologyException at(String name, int lineNumber) {
    return new TopologyException(name, lineNumber, device, problem, this);
  }

  /**
   * The file or stream in which the description was found.
   *
   * @return empty if it was not read from a text
   */
  public Optional<String> source() {
    return Optional.ofNullable(source);
  }

  /**
   * The line in {@link #source}.
   *
   * @return counted from 1; empty if unknown
   */
  public OptionalInt line() {
    return line > 0 ? OptionalInt.of(line) : OptionalInt.empty();
  }

  /**
   * The function that is wrong.
   *
   * @return its address, or its place in the list of functions as long as that is unknown; empty if
   *     the fault is not in one function
   */
  public Optional<String> device() {
    return Optional.ofNullable(device);
  }

  /**
   * What is wrong, without the place.
   *
   * @return for people
   */
  public String problem() {
    return problem;
  }
}
