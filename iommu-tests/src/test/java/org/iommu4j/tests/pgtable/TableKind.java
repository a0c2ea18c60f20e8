package org.iommu4j.tests.pgtable;

import java.util.function.Function;
import java.util.stream.Stream;
import org.iommu4j.spi.PhysicalMemory;

/**
 * One configuration of one format, ARM's included.
 *
 * @param name as in the enum it comes from
 * @param maker makes a page table in a memory
 */
record TableKind(String name, Function<PhysicalMemory, TableRig> maker) {
  private static final long BYTES = 1L << 26;

  static Stream<TableKind> all() {
    return Stream.concat(
        Stream.of(GenericTables.values())
            .map(kind -> new TableKind(kind.name(), memory -> new GenericRig(kind, memory))),
        Stream.of(ArmTables.values())
            .map(kind -> new TableKind(kind.name(), memory -> new ArmRig(kind, memory))));
  }

  TableRig rig(PhysicalMemory memory) {
    return maker.apply(memory);
  }

  TableRig rig() {
    return rig(fresh());
  }

  /** A memory that is large enough for any test. */
  static PhysicalMemory fresh() {
    return memoryAt(0x7_0000_0000L);
  }

  /** One that begins at an address: tables get addresses above it. */
  static PhysicalMemory memoryAt(long base) {
    return TableMemory.HEAP.create(base, BYTES, Integer.MAX_VALUE);
  }

  @Override
  public String toString() {
    return name;
  }
}
