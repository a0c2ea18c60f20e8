package org.iommu4j.bench;

import java.util.concurrent.TimeUnit;
import org.iommu4j.api.Prot;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The scenarios {@code pt/.../region1G/...}: 1 GiB mapped, or unmapped, in calls of one size; the
 * time of one run over the whole region. What makes the region ready is not part of it, so these
 * figures are wall time.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RegionBenchmark {
  private static final long IOVA = 0x4000_0000L;
  private static final long PADDR = 0x8000_0000L;
  private static final long ANCHOR = IOVA + (4L << 30);
  private static final long K4 = 1L << 12;
  private static final long G1 = 1L << 30;

  /** Creates the state; JMH calls this. */
  public RegionBenchmark() {}

  /** A region, and the size of the calls. */
  @State(Scope.Thread)
  public static class Region {
    /** The format. */
    @Param({"amdv1", "vtdss", "x86_64", "riscv64", "arm64s1"})
    public String format = "vtdss";

    /** Where the tables lie. */
    @Param({"heap", "mapped"})
    public String memory = "heap";

    /** Bytes of a call. */
    @Param({"4096", "65536", "2097152", "1073741824"})
    public long chunk = K4;

    private TableBench bench = new TableBench("vtdss", "heap", K4);

    /** Creates the state; JMH calls this. */
    public Region() {}

    /** Makes the table. */
    @Setup(Level.Trial)
    public void setUp() {
      bench = new TableBench(format, memory, K4);
      bench.domain.map(ANCHOR, PADDR, K4, Prot.RW);
    }

    void map() {
      for (long at = 0; at < G1; at += chunk) {
        bench.domain.map(IOVA + at, PADDR + at, chunk, Prot.RW);
      }
    }

    void unmap() {
      for (long at = 0; at < G1; at += chunk) {
        bench.domain.unmap(IOVA + at, chunk);
      }
    }
  }

  /** A region without mappings. */
  @State(Scope.Thread)
  public static class Empty extends Region {
    /** Creates the state; JMH calls this. */
    public Empty() {}

    /** Takes away what the last run made. */
    @Setup(Level.Invocation)
    public void empty() {
      unmap();
    }
  }

  /** A region full of mappings. */
  @State(Scope.Thread)
  public static class Full extends Region {
    /** Creates the state; JMH calls this. */
    public Full() {}

    /** Makes again what the last run took away. */
    @Setup(Level.Invocation)
    public void fill() {
      map();
    }
  }

  /** Maps all of it. */
  @Benchmark
  public void map(Empty region) {
    region.map();
  }

  /** Unmaps all of it. */
  @Benchmark
  public void unmap(Full region) {
    region.unmap();
  }
}
