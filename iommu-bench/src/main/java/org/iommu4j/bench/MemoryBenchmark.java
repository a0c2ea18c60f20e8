package org.iommu4j.bench;

import java.util.concurrent.TimeUnit;
import org.iommu4j.spi.PhysicalMemory;
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

/** The scenario {@code mem}: 512 tables filled with the entries of adjacent pages, per entry. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MemoryBenchmark {
  private static final int TABLES = 512;
  private static final int WORDS = 512;
  private static final int ENTRIES = TABLES * WORDS;
  private static final long FIRST = 0x8000_0003L;
  private static final int PAGE_LG2 = 12;

  /** Where the tables lie. */
  @Param({"heap", "mapped"})
  public String memory = "heap";

  private PhysicalMemory words = TableMemories.of("heap");
  private long table;

  /** Creates the state; JMH calls this. */
  public MemoryBenchmark() {}

  /** Takes the pages. */
  @Setup(Level.Trial)
  public void setUp() {
    words = TableMemories.of(memory);
    table = words.allocatePages(TABLES);
  }

  /** One call per table. */
  @Benchmark
  @OperationsPerInvocation(ENTRIES)
  public void fill() {
    for (int i = 0; i < TABLES; i++) {
      long first = FIRST + (((long) i * WORDS) << PAGE_LG2);
      words.fillRising(table + ((long) i << PAGE_LG2), WORDS, first, PAGE_LG2);
    }
  }
}
