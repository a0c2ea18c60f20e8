package org.iommu4j.testkit;

/** A DMA that the hardware refused: what a fake device gets instead of an answer. */
public final class DmaFault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient FaultRecord record;

  /**
   * Creates a refusal.
   *
   * @param record what was refused, and why
   */
  public DmaFault(FaultRecord record) {
    super(record.toString());
    this.record = record;
  }

  /**
   * What was refused, and why.
   *
   * @return the hardware's record; not serialized
   */
  public FaultRecord record() {
    return record;
  }

  /**
   * Why it was refused.
   *
   * @return the record's reason
   */
  public FaultReason reason() {
    return record.reason();
  }
}
