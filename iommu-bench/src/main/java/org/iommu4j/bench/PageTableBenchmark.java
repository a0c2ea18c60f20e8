package org.iommu4j.bench;

import java.util.concurrent.TimeUnit;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.pgtable.RadixPageTable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The scenarios {@code pt/...}: generic page tables in heap memory. A method's name is the
 * scenario's, with underscores for slashes. With {@code crowd=true} tables of all formats did the
 * same work in this JVM before, so nothing is compiled for one format alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PageTableBenchmark {
  private static final long IOVA = 0x4000_0000L;
  private static final long PADDR = 0x8000_0000L;
  private static final long ANCHOR = IOVA + (4L << 30);
  private static final long K4 = 1L << 12;
  private static final long K64 = 1L << 16;
  private static final long M2 = 1L << 21;
  private static final long G1 = 1L << 30;
  private static final int ENTRIES_2M = 512;
  private static final int ENTRIES_1G = 262_144;

  private static final int QUERIES = 65_536;
  private static final long SEED = 0x9E37_79B9_7F4A_7C15L;

  /** The format. */
  @Param({"amdv1", "vtdss", "x86_64", "riscv64"})
  public String format = "vtdss";

  /** Whether all formats were used first. */
  @Param({"false", "true"})
  public boolean crowd;

  private final IotlbGather gather = new IotlbGather();
  private final long[] queries = new long[QUERIES];
  private int query;

  private Bench hot = new Bench("vtdss");
  private Bench small = new Bench("vtdss");
  private Bench large = new Bench("vtdss");
  private Bench filled = new Bench("vtdss");

  /** Creates the state; JMH calls this. */
  public PageTableBenchmark() {}

  /** A core with one domain over a table of its own. */
  private static final class Bench {
    final TableDomain ops;
    final RadixPageTable table;
    final PagingDomain domain;

    Bench(String format) {
      var memory = HeapMemory.ofSize(64L << 20);
      ops = new TableDomain(TableFormats.of(format), memory);
      table = ops.pages();
      var core = IommuCore.create(new IdleIommu(true, () -> ops));
      PlatformDevice device = PlatformDevice.builder("dev").build();
      core.probeDevice(device);
      domain = core.allocPagingDomain(device);
    }
  }

  /** Makes the tables. */
  @Setup(Level.Trial)
  public void setUp() {
    if (crowd) {
      for (String each : new String[] {"amdv1", "vtdss", "x86_64", "riscv64"}) {
        prepare(each);
        for (int i = 0; i < 2_000; i++) {
          hot4k_core();
          hot4k_direct();
          pair_2M_4Kleaf();
          pair_64K_large();
          pair_2M_large();
          iova_to_phys_1G4K_indep();
        }
      }
    }
    prepare(format);
  }

  private void prepare(String name) {
    hot = new Bench(name);
    hot.table.map(IOVA + K4, PADDR, K4, Prot.RW);
    small = new Bench(name);
    small.table.restrictPageSizes(K4);
    small.table.map(ANCHOR, PADDR, K4, Prot.RW);
    large = new Bench(name);
    large.table.map(ANCHOR, PADDR, K4, Prot.RW);
    filled = new Bench(name);
    filled.table.restrictPageSizes(K4);
    filled.table.map(IOVA, PADDR, G1, Prot.RW);
    long x = SEED;
    for (int i = 0; i < QUERIES; i++) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
      queries[i] = IOVA + (x & (G1 - 1));
    }
  }

  private long pair(Bench bench, long size) {
    bench.table.map(IOVA, PADDR, size, Prot.RW);
    gather.init();
    long done = bench.table.unmap(IOVA, size, gather);
    bench.ops.iotlbSync(gather);
    return done;
  }

  /** One page, through the core's public calls. */
  @Benchmark
  public long hot4k_core() {
    hot.domain.map(IOVA, PADDR, K4, Prot.RW);
    return hot.domain.unmap(IOVA, K4);
  }

  /** One page, through the page table. */
  @Benchmark
  public long hot4k_direct() {
    return pair(hot, K4);
  }

  /** 2 MiB in pages of 4 KiB, per entry. */
  @Benchmark
  @OperationsPerInvocation(ENTRIES_2M)
  public long pair_2M_4Kleaf() {
    return pair(small, M2);
  }

  /** 1 GiB in pages of 4 KiB, per entry. */
  @Benchmark
  @OperationsPerInvocation(ENTRIES_1G)
  public long pair_1G_4Kleaf() {
    return pair(small, G1);
  }

  /** 64 KiB in leaves as large as the format has them. */
  @Benchmark
  public long pair_64K_large() {
    return pair(large, K64);
  }

  /** 2 MiB as one leaf. */
  @Benchmark
  public long pair_2M_large() {
    return pair(large, M2);
  }

  /** 1 GiB as one leaf. */
  @Benchmark
  public long pair_1G_large() {
    return pair(large, G1);
  }

  /** Random addresses in 1 GiB of 4 KiB pages. */
  @Benchmark
  public long iova_to_phys_1G4K_indep() {
    return filled.table.translate(queries[query++ & (QUERIES - 1)]);
  }

  /** The same over few entries. */
  @Benchmark
  public long iova_to_phys_1G4K_first4096() {
    return filled.table.translate(queries[query++ & 4095]);
  }
}
