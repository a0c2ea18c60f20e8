package org.iommu4j.api;

/**
 * A refused or failed operation.
 *
 * <p>Unless a rule says otherwise nothing has changed when it is thrown. The message begins with
 * the errno and names every operand, addresses and sizes in hexadecimal.
 */
public final class IommuException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why, for programs. */
  private final Errno errno;

  /**
   * Creates a refusal.
   *
   * @param errno why, for programs
   * @param message why, for people: operation and operands, without the errno's name
   */
  public IommuException(Errno errno, String message) {
    super(errno + ": " + message);
    this.errno = errno;
  }

  /**
   * Creates a refusal that another failure led to.
   *
   * @param errno why, for programs
   * @param message why, for people
   * @param cause what went wrong underneath
   */
  public IommuException(Errno errno, String message, Throwable cause) {
    super(errno + ": " + message, cause);
    this.errno = errno;
  }

  /**
   * The error number of this refusal.
   *
   * @return never null
   */
  public Errno errno() {
    return errno;
  }
}
