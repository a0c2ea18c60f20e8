package org.iommu4j.api;

/**
 * A broken invariant: what the kernel would print as a warning with a stack trace (CORE-013). The
 * operation goes on with the result its rule describes.
 *
 * @param rule number of the CORE rule that lists it; 0 for one of this library's own
 * @param token a short stable name, for example {@code first-attach-failed}
 * @param detail who and what, for people
 */
public record Violation(int rule, String token, String detail) {
  @Override
  public String toString() {
    return (rule == 0 ? "library" : String.format("CORE-%03d", rule)) + " " + token + ": " + detail;
  }
}
