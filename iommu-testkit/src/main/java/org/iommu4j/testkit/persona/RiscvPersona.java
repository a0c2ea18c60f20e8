package org.iommu4j.testkit.persona;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.IommuOp;

/**
 * The driver of the RISC-V IOMMU.
 *
 * <p>It cannot be asked for capabilities, reports no reserved regions and has no wish for a type.
 * Linux is built for this architecture without the DMA layer for IOMMUs, and therefore forces
 * identity upon every device: {@link org.iommu4j.api.DmaBuild#NONE} is a fact of the core.
 */
public final class RiscvPersona {
  private RiscvPersona() {}

  /**
   * Starts the description of an IOMMU.
   *
   * @param node what the devices behind it name
   * @return one with five-level tables
   */
  public static Builder builder(FirmwareNode node) {
    return new Builder(node);
  }

  /** Collects the facts about an IOMMU. Not thread-safe. */
  public static final class Builder extends PersonaBuilder<Builder> {
    private int tableBits = 57;

    private Builder(FirmwareNode node) {
      super("riscv-iommu@3010000.iommu", node);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Sets the widest table format.
     *
     * @param bits 39, 48 or 57
     * @return this
     * @throws IllegalArgumentException for any other width
     */
    public Builder tableBits(int bits) {
      if (bits != 39 && bits != 48 && bits != 57) {
        throw new IllegalArgumentException("no table format has " + bits + " bits");
      }
      tableBits = bits;
      return this;
    }

    /**
     * Makes the IOMMU.
     *
     * @return an IOMMU that is registered nowhere
     */
    public Persona build() {
      return new Persona(this, new Ops(this), false);
    }
  }

  private static final class Ops extends PersonaOps {
    private final Builder facts;

    Ops(Builder facts) {
      super("riscv-iommu", facts);
      this.facts = facts;
    }

    @Override
    public Set<IommuOp> operations() {
      return EnumSet.of(IommuOp.RELEASE_DEVICE, IommuOp.OF_XLATE, IommuOp.DOMAIN_ALLOC_PAGING);
    }

    @Override
    void addDriverRegions(Device device, List<ResvRegion> regions) {
      // It has none of its own.
    }

    @Override
    long pageSizes(Set<AllocFlag> flags) {
      long sizes = Windows.SIZE_4K | Windows.SIZE_64K | Windows.SIZE_2M | Windows.SIZE_1G;
      return facts.tableBits > 39 ? sizes | Windows.SIZE_512G : sizes;
    }

    /** Addresses are sign-extended; only the lower half is offered. */
    @Override
    DomainGeometry geometry(Set<AllocFlag> flags) {
      return DomainGeometry.ofBits(facts.tableBits - 1);
    }
  }
}
