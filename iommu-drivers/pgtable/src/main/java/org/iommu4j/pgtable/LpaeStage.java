package org.iommu4j.pgtable;

/** Which translation an ARM table does; its entries differ in permissions and attributes. */
public enum LpaeStage {
  /** From the address a device uses. */
  STAGE_1,
  /** From the address a guest calls physical. */
  STAGE_2
}
