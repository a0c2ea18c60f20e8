package org.iommu4j.testkit.conformance;

/**
 * An op that makes no sense at this moment, because what it names is not there. The scripts of the
 * corpus have none; a replay has one after it went astray.
 */
final class HazardException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  HazardException(String why) {
    super(why);
  }
}
