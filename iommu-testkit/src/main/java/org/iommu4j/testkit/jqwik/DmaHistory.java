package org.iommu4j.testkit.jqwik;

import java.util.List;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Prot;
import org.iommu4j.testkit.DmaEngine;

/**
 * What a consumer of a domain and a device behind it do, one after the other. Immutable.
 *
 * <p>{@link IommuArbitraries#dmaHistories} makes them up; one that failed is worth keeping as an
 * ordinary test:
 *
 * <pre>{@code
 * DmaHistory.of(
 *         new DmaHistory.Map(0x20_0000, 0x4000_0000, 0x1000, Prot.RW),
 *         new DmaHistory.Read(0x20_0008),
 *         new DmaHistory.Unmap(0x20_0000, 0x1000),
 *         new DmaHistory.Read(0x20_0008))
 *     .run(domain, hardware.dma(nic));
 * }</pre>
 *
 * @param steps in the order in which they happen
 */
public record DmaHistory(List<Step> steps) {
  /**
   * Creates a history.
   *
   * @param steps copied
   */
  public DmaHistory {
    steps = List.copyOf(steps);
  }

  /**
   * A history of given steps.
   *
   * @param steps in the order in which they happen
   * @return a history
   */
  public static DmaHistory of(Step... steps) {
    return new DmaHistory(List.of(steps));
  }

  /** One thing that happens. */
  public sealed interface Step {}

  /**
   * The consumer maps a range.
   *
   * @param iova first address
   * @param paddr first physical address
   * @param size bytes, at least 1
   * @param prot {@link Prot} bits
   */
  public record Map(long iova, long paddr, long size, int prot) implements Step {
    /**
     * What is mapped.
     *
     * @return the range
     */
    public IovaRange range() {
      return IovaRange.ofSize(iova, size);
    }

    @Override
    public String toString() {
      return String.format("map 0x%x+0x%x -> 0x%x %s", iova, size, paddr, directions(prot));
    }
  }

  /**
   * The consumer unmaps a range; when that returns, the device must have lost it.
   *
   * @param iova first address
   * @param size bytes, at least 1
   */
  public record Unmap(long iova, long size) implements Step {
    /**
     * What is unmapped.
     *
     * @return the range
     */
    public IovaRange range() {
      return IovaRange.ofSize(iova, size);
    }

    @Override
    public String toString() {
      return String.format("unmap 0x%x+0x%x", iova, size);
    }
  }

  /**
   * The device reads 64 bits.
   *
   * @param iova a multiple of 8
   */
  public record Read(long iova) implements Step {
    /**
     * Creates a read.
     *
     * @param iova a multiple of 8
     * @throws IllegalArgumentException for an address that is not a multiple of 8
     */
    public Read {
      requireWord(iova);
    }

    @Override
    public String toString() {
      return String.format("read 0x%x", iova);
    }
  }

  /**
   * The device writes 64 bits.
   *
   * @param iova a multiple of 8
   * @param value the new value
   */
  public record Write(long iova, long value) implements Step {
    /**
     * Creates a write.
     *
     * @param iova a multiple of 8
     * @param value the new value
     * @throws IllegalArgumentException for an address that is not a multiple of 8
     */
    public Write {
      requireWord(iova);
    }

    @Override
    public String toString() {
      return String.format("write 0x%x = 0x%x", iova, value);
    }
  }

  /**
   * Lets it happen, and compares each step, and at the end every place that was touched, with a
   * model.
   *
   * <p>A map must succeed, or be refused without effect if something is in the way. An unmap must
   * remove all it names, or nothing where nothing is. What the device sees is asked of the
   * hardware: an access must reach the physical address the model knows and find there what the
   * device last wrote, or it must be refused.
   *
   * @param domain an empty domain
   * @param device the DMA of a device that is on this domain
   * @return the mappings that are left
   * @throws AssertionError if anything comes out differently; the message names the step
   * @throws IllegalArgumentException if an unmap would split a mapping or covers holes among
   *     mappings: what happens then is the driver's business (CORE-535)
   */
  public MappingModel run(PagingDomain domain, DmaEngine device) {
    return new HistoryRunner(this, domain, device).run();
  }

  /** One step a line. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("DmaHistory of " + steps.size() + " steps");
    for (int i = 0; i < steps.size(); i++) {
      text.append(String.format("%n  %2d  %s", i + 1, steps.get(i)));
    }
    return text.toString();
  }

  static String directions(int prot) {
    return switch (prot & Prot.RW) {
      case Prot.READ -> "r-";
      case Prot.WRITE -> "-w";
      case Prot.RW -> "rw";
      default -> "--";
    };
  }

  private static void requireWord(long iova) {
    if ((iova & (Long.BYTES - 1)) != 0) {
      throw new IllegalArgumentException(String.format("iova 0x%x is no multiple of 8", iova));
    }
  }
}
