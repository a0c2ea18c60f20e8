package org.iommu4j.testkit.persona;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/**
 * The driver of the RISC-V IOMMU.
 *
 * <p>It cannot be asked for capabilities and reports no reserved regions. Linux is built for this
 * architecture without the DMA layer for IOMMUs, and a core without that layer forces identity upon
 * every device whose driver has no wish (CORE-153); this persona answers in its stead, unless told
 * otherwise.
 */
public final class RiscvPersona {
  private RiscvPersona() {}

  /**
   * Starts the description of an IOMMU.
   *
   * @param node what the devices behind it name
   * @return one with five-level tables in a system without DMA layer
   */
  public static Builder builder(FirmwareNode node) {
    return new Builder(node);
  }

  /** Collects the facts about an IOMMU. Not thread-safe. */
  public static final class Builder extends PersonaBuilder<Builder> {
    private boolean dmaLayer;
    private int tableBits = 57;

    private Builder(FirmwareNode node) {
      super("riscv-iommu@3010000.iommu", node);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Sets whether the system has a DMA layer for IOMMUs.
     *
     * @param present false by default
     * @return this
     */
    public Builder dmaLayer(boolean present) {
      dmaLayer = present;
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
      Set<IommuOp> operations =
          EnumSet.of(IommuOp.RELEASE_DEVICE, IommuOp.OF_XLATE, IommuOp.DOMAIN_ALLOC_PAGING);
      if (!facts.dmaLayer) {
        operations.add(IommuOp.DEF_DOMAIN_TYPE);
      }
      return operations;
    }

    @Override
    public @Nullable DomainType defDomainType(DevIommu device) {
      return DomainType.IDENTITY;
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
