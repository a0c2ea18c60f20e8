package org.iommu4j.bench;

import java.util.concurrent.TimeUnit;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
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
 * The scenarios {@code pt/...}; {@link Scenarios} prints them under their names. With {@code
 * crowd=true} tables of all formats in both memories did the same work in this JVM before, so
 * nothing is compiled for one format or memory alone.
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
  private static final long ALL = -1L;
  private static final int ENTRIES_2M = 512;
  private static final int ENTRIES_1G = 262_144;
  private static final int CROWD = 20_000;
  private static final int CROWD_BULK = 1_000;
  private static final String[] FORMATS = {"amdv1", "vtdss", "x86_64", "riscv64", "arm64s1"};
  private static final String[] MEMORIES = {"heap", "mapped"};

  private static final int QUERIES = 65_536;
  private static final long SEED = 0x9E37_79B9_7F4A_7C15L;

  /** The format. */
  @Param({"amdv1", "vtdss", "x86_64", "riscv64", "arm64s1"})
  public String format = "vtdss";

  /** Where the tables lie. */
  @Param({"heap", "mapped"})
  public String memory = "heap";

  /** Whether all formats were used first. */
  @Param({"false", "true"})
  public boolean crowd;

  private final IotlbGather gather = new IotlbGather();
  private final long[] queries = new long[QUERIES];
  private int query;

  private TableBench hot = new TableBench("vtdss", "heap", ALL);
  private TableBench small = new TableBench("vtdss", "heap", K4);
  private TableBench large = new TableBench("vtdss", "heap", ALL);
  private TableBench filled = new TableBench("vtdss", "heap", K4);

  /** Creates the state; JMH calls this. */
  public PageTableBenchmark() {}

  /** Makes the tables. */
  @Setup(Level.Trial)
  public void setUp() {
    long x = SEED;
    for (int i = 0; i < QUERIES; i++) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
      queries[i] = IOVA + (x & (G1 - 1));
    }
    if (crowd) {
      for (String where : MEMORIES) {
        for (String each : FORMATS) {
          prepare(each, where);
          useAll();
        }
      }
    }
    prepare(format, memory);
  }

  private void useAll() {
    for (int i = 0; i < CROWD; i++) {
      hot4k_core();
      hot4k_direct();
      pair_2M_large();
      pair_1G_large();
      iova_to_phys_1G4K_indep();
    }
    for (int i = 0; i < CROWD_BULK; i++) {
      pair_2M_4Kleaf();
      pair_64K_large();
    }
  }

  private void prepare(String name, String where) {
    hot = new TableBench(name, where, ALL);
    hot.domain.map(IOVA + K4, PADDR, K4, Prot.RW);
    small = new TableBench(name, where, K4);
    small.domain.map(ANCHOR, PADDR, K4, Prot.RW);
    large = new TableBench(name, where, ALL);
    large.domain.map(ANCHOR, PADDR, K4, Prot.RW);
    filled = new TableBench(name, where, K4);
    filled.domain.map(IOVA, PADDR, G1, Prot.RW);
  }

  private static long pair(TableBench bench, long size) {
    bench.domain.map(IOVA, PADDR, size, Prot.RW);
    return bench.domain.unmap(IOVA, size);
  }

  /** One page, through the core's public calls. */
  @Benchmark
  public long hot4k_core() {
    return pair(hot, K4);
  }

  /** One page, through the page table. */
  @Benchmark
  public long hot4k_direct() {
    gather.init();
    long done;
    if (hot.ranges) {
      hot.ops.mapRange(IOVA, PADDR, K4, Prot.RW);
      done = hot.ops.unmapRange(IOVA, K4, gather);
    } else {
      hot.ops.mapPages(IOVA, PADDR, K4, 1, Prot.RW);
      done = hot.ops.unmapPages(IOVA, K4, 1, gather);
    }
    hot.ops.iotlbSync(gather);
    return done;
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
    return filled.ops.iovaToPhys(queries[query++ & (QUERIES - 1)]);
  }

  /** The same, but each result chooses the next address. */
  @Benchmark
  public long iova_to_phys_1G4K_dep() {
    long result = filled.ops.iovaToPhys(queries[query & (QUERIES - 1)]);
    query += 1 + (int) (result & 1);
    return result;
  }

  /** The same over few entries. */
  @Benchmark
  public long iova_to_phys_1G4K_first4096() {
    return filled.ops.iovaToPhys(queries[query++ & 4095]);
  }
}
