package org.iommu4j.testkit.transcript;

import java.util.function.LongSupplier;
import org.iommu4j.api.IommuException;

/** Does one kind of recorded operation and compares the answer. */
@FunctionalInterface
interface Operation {
  /** Does it; what differs goes into the findings. */
  void run(TranscriptRecord record, Findings findings);

  /** An operation of which only the return value counts; the state is compared for all. */
  static Operation returning(Call call) {
    return (record, findings) -> compare(record, findings, () -> call.run(record));
  }

  /** What a system call does for a record. */
  @FunctionalInterface
  interface Call {
    /**
     * Runs it.
     *
     * @return at least 0
     * @throws IommuException with the errno
     */
    long run(TranscriptRecord record);
  }

  /** Runs a call and compares what it returned. */
  static long compare(TranscriptRecord record, Findings findings, LongSupplier call) {
    long actual = attempt(call);
    record.ret().ifPresent(expected -> findings.checkReturn(expected, actual));
    return actual;
  }

  /** What a system call returns: the negative errno of a refusal. */
  static long attempt(LongSupplier call) {
    try {
      return call.getAsLong();
    } catch (IommuException refused) {
      return -refused.errno().number();
    }
  }
}
