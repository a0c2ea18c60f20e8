package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.InterruptLine;
import org.iommu4j.spi.Mmio;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * The hardware side of the SoftIOMMU: a fake machine's IOMMU with its memory, registers, caches and
 * fault log, and the DMA of the devices behind it.
 *
 * <p>It is written from the same page as the driver, {@code iommu-drivers/soft/HARDWARE.md}, and
 * shares no code with it: it walks tables in physical memory by itself. Its caches really go stale;
 * nothing but a command, or the lack of room, makes them forget. So what a device sees is asked
 * here, with {@link #dma(Device)}, and never of a domain's {@code iovaToPhys}.
 *
 * <p>Each answer that came from a cache is compared with a fresh walk. Where they differ, {@link
 * #staleHits} counts and the listener of {@link #onStale} is told; whether that was allowed (lazy)
 * or not (strict) is for the observer to say.
 *
 * <p>Deterministic: the same calls give the same results. Thread-safe. Listeners and the interrupt
 * handler run on the thread that does the DMA, under no lock of this class.
 */
public final class SoftHardware {
  private static final int PASID_BITS = 8;

  private final String name;
  private final PhysicalMemory memory;
  private final SoftTranslator translator;
  private final SoftRegisters registers;
  private final HardwarePort port = new Port();

  private volatile Runnable interruptHandler = () -> {};

  @GuardedBy("this")
  private final List<FaultRecord> faults = new ArrayList<>();

  private SoftHardware(Builder builder) {
    name = builder.name;
    memory = builder.memory != null ? builder.memory : HeapMemory.ofSize(builder.memorySize);
    translator =
        new SoftTranslator(
            memory,
            builder.pasids ? 1 << PASID_BITS : 0,
            builder.dirtyTracking,
            builder.iotlbCapacity,
            builder.staleCheck);
    registers =
        new SoftRegisters(
            translator,
            builder.pasids ? PASID_BITS : 0,
            builder.dirtyTracking,
            builder.commandLatency);
  }

  /**
   * Hardware with everything at its default.
   *
   * @return new hardware after reset
   */
  public static SoftHardware create() {
    return builder().build();
  }

  /**
   * Starts the description of hardware.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * What a driver stands on.
   *
   * @return always the same object
   */
  public HardwarePort port() {
    return port;
  }

  /**
   * The memory in which tables lie and which DMA reaches.
   *
   * @return always the same object
   */
  public PhysicalMemory memory() {
    return memory;
  }

  /**
   * The DMA of a device, under the stream id that HARDWARE.md gives it: segment x 65536 + requester
   * id for a PCI function, the first firmware id for another device.
   *
   * @param device need not be known to any core
   * @return an engine; all engines of one device are equal in effect
   * @throws IllegalArgumentException for a device whose stream id only its driver knows; use {@link
   *     #dma(int)}
   */
  public DmaEngine dma(Device device) {
    return dma(streamId(device));
  }

  /**
   * The DMA of a probed device.
   *
   * @param device the device
   * @return as {@link #dma(Device)}
   * @throws IllegalArgumentException as {@link #dma(Device)}
   */
  public DmaEngine dma(DevIommu device) {
    return dma(device.device());
  }

  /**
   * The DMA under a stream id.
   *
   * @param streamId 0 to 0xffffff
   * @return an engine
   * @throws IllegalArgumentException outside that range
   */
  public DmaEngine dma(int streamId) {
    if (streamId < 0 || streamId > 0xff_ffff) {
      throw new IllegalArgumentException(
          String.format("stream id 0x%x has more than 24 bits", streamId));
    }
    return new Engine(streamId);
  }

  private static int streamId(Device device) {
    if (device instanceof PciDevice pci) {
      return pci.bus().segment() << 16 | pci.requesterId();
    }
    for (IommuSpecifier iommu : device.iommus()) {
      if (!iommu.args().isEmpty()) {
        return iommu.args().get(0);
      }
    }
    throw new IllegalArgumentException(
        "the stream id of " + device + " is not visible in the device: ask its driver");
  }

  /**
   * All refused accesses since the last {@link #clearFaults}, oldest first. The queue in the
   * registers is another one, which drivers empty.
   *
   * @return a copy
   */
  public synchronized List<FaultRecord> faults() {
    return List.copyOf(faults);
  }

  /** Empties the list of {@link #faults}; counters go on. */
  public synchronized void clearFaults() {
    faults.clear();
  }

  /**
   * What the hardware has done.
   *
   * @return all counters as of one moment
   */
  public HardwareStats stats() {
    return translator.stats();
  }

  /**
   * How often something cached was used that tables no longer said.
   *
   * @return {@code stats().staleHits()}
   */
  public long staleHits() {
    return stats().staleHits();
  }

  /**
   * How many translations are cached.
   *
   * @return 0 to the capacity
   */
  public int iotlbSize() {
    return translator.iotlbSize();
  }

  /**
   * Sets who is told of each stale access, in place of the previous one. It runs after the access
   * and before its caller goes on.
   *
   * @param listener must not throw
   */
  public void onStale(Consumer<StaleAccess> listener) {
    translator.onStale(listener);
  }

  /**
   * Sets what runs each time an access has read tables, those of the device or those of a domain,
   * and what they said is neither used nor cached yet; in place of the previous hook. With it a
   * test holds an access there, or changes and invalidates what was read.
   *
   * @param hook may block and may do anything but DMA that misses, which would call it again
   */
  public void onWalk(Runnable hook) {
    translator.onWalk(hook);
  }

  @Override
  public String toString() {
    return name + " " + stats();
  }

  /** Logs a fault as hardware does; what the handler throws must not hide the fault. */
  private void report(DmaFault fault) {
    synchronized (this) {
      faults.add(fault.record());
    }
    if (registers.record(fault.record())) {
      try {
        interruptHandler.run();
      } catch (RuntimeException brokenHandler) {
        fault.addSuppressed(brokenHandler);
      }
    }
  }

  private final class Port implements HardwarePort {
    @Override
    public String name() {
      return name;
    }

    @Override
    public PhysicalMemory memory() {
      return memory;
    }

    @Override
    public Mmio registers() {
      return registers;
    }

    @Override
    public InterruptLine interrupt() {
      return handler -> interruptHandler = handler;
    }
  }

  /** Cuts accesses into aligned words. */
  private final class Engine implements DmaEngine {
    private final int streamId;

    Engine(int streamId) {
      this.streamId = streamId;
    }

    @Override
    public long read(int pasid, long iova) {
      long low = access(pasid, iova, FaultAccess.READ, true, 0, 0);
      int shift = shift(iova);
      if (shift == 0) {
        return low;
      }
      long high = access(pasid, nextWord(iova), FaultAccess.READ, true, 0, 0);
      return low >>> shift | high << (Long.SIZE - shift);
    }

    @Override
    public void write(int pasid, long iova, long value) {
      int shift = shift(iova);
      access(pasid, iova, FaultAccess.WRITE, true, value << shift, -1L << shift);
      if (shift != 0) {
        int rest = Long.SIZE - shift;
        access(pasid, nextWord(iova), FaultAccess.WRITE, true, value >>> rest, -1L >>> rest);
      }
    }

    @Override
    public long translate(int pasid, long iova, FaultAccess access) {
      return access(pasid, iova, access, false, 0, 0);
    }

    private int shift(long iova) {
      return (int) (iova & (Long.BYTES - 1)) * Byte.SIZE;
    }

    private long nextWord(long iova) {
      return (iova & -Long.BYTES) + Long.BYTES;
    }

    private long access(
        int pasid, long iova, FaultAccess access, boolean transfer, long value, long mask) {
      try {
        return translator.access(
            new SoftRequest(streamId, pasid, iova, access, transfer, value, mask));
      } catch (DmaFault fault) {
        report(fault);
        throw fault;
      }
    }

    @Override
    public String toString() {
      return String.format("DMA of stream 0x%x through %s", streamId, name);
    }
  }

  /** Collects what the hardware is like. */
  public static final class Builder {
    private String name = "soft0";
    private @Nullable PhysicalMemory memory;
    private long memorySize = 4L << 30;
    private int iotlbCapacity = 64;
    private boolean pasids = true;
    private boolean dirtyTracking = true;
    private boolean staleCheck = true;
    private int commandLatency;

    private Builder() {}

    /**
     * Sets the name.
     *
     * @param hardwareName {@code soft0} by default
     * @return this
     */
    public Builder name(String hardwareName) {
      name = hardwareName;
      return this;
    }

    /**
     * Uses a given memory, perhaps one that other hardware uses too.
     *
     * @param shared instead of one of its own
     * @return this
     */
    public Builder memory(PhysicalMemory shared) {
      memory = shared;
      return this;
    }

    /**
     * Sets the size of the hardware's own memory, which begins at address 0 and takes up heap only
     * where it is written.
     *
     * @param bytes 4 GiB by default
     * @return this
     */
    public Builder memorySize(long bytes) {
      memorySize = bytes;
      return this;
    }

    /**
     * Sets how many translations can be cached.
     *
     * @param translations 64 by default; 0 for hardware that never goes stale
     * @return this
     * @throws IllegalArgumentException if it is negative
     */
    public Builder iotlbCapacity(int translations) {
      if (translations < 0) {
        throw new IllegalArgumentException("IOTLB capacity " + translations + " is negative");
      }
      iotlbCapacity = translations;
      return this;
    }

    /**
     * Sets whether there are PASIDs.
     *
     * @param supported true by default: 256 of them
     * @return this
     */
    public Builder pasids(boolean supported) {
      pasids = supported;
      return this;
    }

    /**
     * Sets whether the hardware marks written pages.
     *
     * @param supported true by default
     * @return this
     */
    public Builder dirtyTracking(boolean supported) {
      dirtyTracking = supported;
      return this;
    }

    /**
     * Sets whether answers from caches are compared with a fresh walk, which costs a walk each.
     *
     * @param check true by default
     * @return this
     */
    public Builder staleCheck(boolean check) {
      staleCheck = check;
      return this;
    }

    /**
     * Sets how long commands take: nothing happens until the driver has read the status register
     * this often. So a driver that does not wait is found out.
     *
     * @param statusReads 0 by default: complete at once
     * @return this
     * @throws IllegalArgumentException if it is negative
     */
    public Builder commandLatency(int statusReads) {
      if (statusReads < 0) {
        throw new IllegalArgumentException("command latency " + statusReads + " is negative");
      }
      commandLatency = statusReads;
      return this;
    }

    /**
     * Creates the hardware.
     *
     * @return new hardware after reset
     */
    public SoftHardware build() {
      return new SoftHardware(this);
    }
  }
}
