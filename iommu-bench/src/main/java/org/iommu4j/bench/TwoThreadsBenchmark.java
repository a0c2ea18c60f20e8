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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * The scenario {@code pt/2thr/.../hot4k}: two threads map and unmap a page each, in one domain and
 * in leaf tables of their own. Wall time of one pair.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Threads(2)
public class TwoThreadsBenchmark {
  private static final long IOVA = 0x4000_0000L;
  private static final long PADDR = 0x8000_0000L;
  private static final long K4 = 1L << 12;
  private static final long M2 = 1L << 21;
  private static final long ALL = -1L;

  /** The format. */
  @Param({"amdv1", "vtdss", "x86_64", "riscv64", "arm64s1"})
  public String format = "vtdss";

  /** Where the tables lie. */
  @Param({"heap", "mapped"})
  public String memory = "heap";

  private TableBench bench = new TableBench("vtdss", "heap", ALL);

  /** Creates the state; JMH calls this. */
  public TwoThreadsBenchmark() {}

  /** The page of a thread. */
  @State(Scope.Thread)
  public static class Own {
    private long iova;

    /** Creates the state; JMH calls this. */
    public Own() {}

    /** Every thread has a leaf table, which another page keeps. */
    @Setup(Level.Trial)
    public void setUp(ThreadParams thread, TwoThreadsBenchmark shared) {
      iova = IOVA + thread.getThreadIndex() * M2;
      shared.bench.domain.map(iova + K4, PADDR, K4, Prot.RW);
    }
  }

  /** Makes the table. */
  @Setup(Level.Trial)
  public void setUp() {
    bench = new TableBench(format, memory, ALL);
  }

  /** One page, through the core's public calls. */
  @Benchmark
  public long hot4k(Own own) {
    bench.domain.map(own.iova, PADDR, K4, Prot.RW);
    return bench.domain.unmap(own.iova, K4);
  }
}
