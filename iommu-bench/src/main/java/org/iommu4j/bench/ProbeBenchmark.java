package org.iommu4j.bench;

import java.util.concurrent.TimeUnit;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.core.IommuCore;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Probe and release of a device that gets a group of its own, beside others that stay. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ProbeBenchmark {
  /** How many other devices are there. */
  @Param({"0", "1000"})
  public int others;

  private final PlatformDevice device = PlatformDevice.builder("device").build();
  private IommuCore core = IommuCore.builder().build();

  /** Creates the state; JMH calls this. */
  public ProbeBenchmark() {}

  /** Builds a core with the other devices. */
  @Setup(Level.Trial)
  public void setUp() {
    core = IommuCore.create(new IdleIommu(false));
    for (int i = 0; i < others; i++) {
      core.probeDevice(PlatformDevice.builder("other" + i).build());
    }
  }

  /** Closes the core. */
  @TearDown(Level.Trial)
  public void tearDown() {
    core.closeForced();
  }

  /** Hot add and hot removal: group, default domain, attach, release. */
  @Benchmark
  public void probeAndRelease() {
    core.probeDevice(device);
    core.removeDevice(device);
  }
}
