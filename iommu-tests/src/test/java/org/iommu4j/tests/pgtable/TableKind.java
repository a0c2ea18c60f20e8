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
    return rig(Memories.fresh());
  }

  @Override
  public String toString() {
    return name;
  }
}
