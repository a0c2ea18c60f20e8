package org.iommu4j.cli.groups;

/** What is printed about machines. */
interface Report {
  /** The next machine. */
  void machine(Machine machine);

  /**
   * After the last machine.
   *
   * @param machines how many there were, those that could not be read included
   * @param exact how many came out as recorded
   * @param checked whether that was asked for
   */
  void end(long machines, long exact, boolean checked);
}
