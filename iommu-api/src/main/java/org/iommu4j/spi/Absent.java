package org.iommu4j.spi;

/** Makes the error for a call of an operation that its owner did not declare. */
final class Absent {
  private Absent() {}

  static IllegalStateException operation(Enum<?> op) {
    return new IllegalStateException("operation " + op + " was declared absent but was called");
  }
}
