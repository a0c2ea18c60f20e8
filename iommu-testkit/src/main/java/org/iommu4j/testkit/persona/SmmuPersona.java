package org.iommu4j.testkit.persona;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.IommuOp;

/**
 * The driver of Arm's SMMUv3.
 *
 * <p>Its devices name it in their firmware description ({@link #builder}). Every id under which a
 * device's DMA may arrive must belong to that device alone: a device that shares one with another
 * that was there first is refused with ENODEV, so behind a bridge to conventional PCI only the
 * first function is served. Doorbells are mapped by software, in a window that every device has as
 * reserved region.
 */
public final class SmmuPersona {
  private SmmuPersona() {}

  /**
   * Starts the description of an SMMU.
   *
   * @param node what the devices behind it name
   * @return that of QEMU: coherent, 48 bits, 4 KiB, 2 MiB and 1 GiB pages
   */
  public static Builder builder(FirmwareNode node) {
    return new Builder(node);
  }

  /** Collects the facts about an SMMU. Not thread-safe. */
  public static final class Builder extends PersonaBuilder<Builder> {
    private boolean coherent = true;
    private boolean canonicalWriteBack;
    private long pageSizes = Windows.SIZE_4K | Windows.SIZE_2M | Windows.SIZE_1G;
    private int addressBits = 48;

    private Builder(FirmwareNode node) {
      super("smmu3.0x0000000009050000", node);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Sets whether table walks and DMA are cache coherent.
     *
     * @param always true by default
     * @return this
     */
    public Builder coherent(boolean always) {
      coherent = always;
      return this;
    }

    /**
     * Sets whether coherency can be enforced.
     *
     * @param forced false by default
     * @return this
     */
    public Builder canonicalWriteBack(boolean forced) {
      canonicalWriteBack = forced;
      return this;
    }

    /**
     * Sets page sizes and address width.
     *
     * @param sizes one bit per size in bytes
     * @param bits width of a translated address
     * @return this
     */
    public Builder addresses(long sizes, int bits) {
      pageSizes = sizes;
      addressBits = bits;
      return this;
    }

    /**
     * Makes the SMMU.
     *
     * @return an SMMU that is registered nowhere
     */
    public Persona build() {
      return new Persona(this, new Ops(this), false);
    }
  }

  private static final class Ops extends PersonaOps {
    private final Builder facts;

    @GuardedBy("streams")
    private final Map<Integer, Device> streams = new HashMap<>();

    Ops(Builder facts) {
      super("arm-smmu-v3", facts);
      this.facts = facts;
    }

    @Override
    public Set<IommuOp> operations() {
      Set<IommuOp> operations = EnumSet.copyOf(super.operations());
      operations.add(IommuOp.DEF_DOMAIN_TYPE);
      operations.add(IommuOp.OF_XLATE);
      return operations;
    }

    @Override
    void admit(Device device) {
      if (!(device instanceof PciDevice pci)) {
        return;
      }
      synchronized (streams) {
        List<Integer> entered = new ArrayList<>();
        for (int id : DmaIds.of(pci)) {
          Device other = streams.putIfAbsent(id, device);
          if (other == null) {
            entered.add(id);
          } else if (other != device) {
            entered.forEach(streams::remove);
            throw aliasing(device, id, other);
          }
        }
      }
    }

    private IommuException aliasing(Device device, int id, Device other) {
      return refusal(
          Errno.ENODEV,
          device,
          "would use stream id 0x" + Integer.toHexString(id) + " of device " + other + " at");
    }

    @Override
    public void releaseDevice(DevIommu device) {
      synchronized (streams) {
        streams.values().removeIf(owner -> owner == device.device());
      }
    }

    @Override
    void addDriverRegions(Device device, List<ResvRegion> regions) {
      regions.add(Windows.SOFTWARE_MSI);
    }

    @Override
    public boolean capable(DevIommu device, Capability capability) {
      return switch (capability) {
        case CACHE_COHERENCY -> facts.coherent;
        case ENFORCE_CACHE_COHERENCY -> facts.canonicalWriteBack;
        case NOEXEC, DEFERRED_FLUSH -> true;
        case DIRTY_TRACKING, PRE_BOOT_PROTECTION, PCI_ATS -> false;
      };
    }

    @Override
    void checkFlags(DevIommu device, Set<AllocFlag> flags) {
      if (flags.contains(AllocFlag.DIRTY)) {
        throw unsupported(device, flags);
      }
    }

    @Override
    long pageSizes(Set<AllocFlag> flags) {
      return facts.pageSizes;
    }

    @Override
    DomainGeometry geometry(Set<AllocFlag> flags) {
      return DomainGeometry.ofBits(facts.addressBits);
    }

    @Override
    boolean enforcesCoherency() {
      return facts.canonicalWriteBack;
    }
  }
}
