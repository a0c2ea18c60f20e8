package org.iommu4j.bench;

import java.util.concurrent.TimeUnit;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
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

/** Operations on one group, by its number of devices, with a driver that does nothing. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class GroupBenchmark {
  /** How many devices the group has. */
  @Param({"1", "10", "100", "1000"})
  public int devices;

  private final DmaOwner owner = new DmaOwner("benchmark");
  private IommuCore core = IommuCore.builder().build();
  private IommuGroup group = core.allocGroup();
  private PagingDomain domain = placeholder();
  private boolean identity;

  /** Creates the state; JMH calls this. */
  public GroupBenchmark() {}

  private static PagingDomain placeholder() {
    IommuCore scratch = IommuCore.create(new IdleIommu(true));
    PlatformDevice device = PlatformDevice.builder("scratch").build();
    scratch.probeDevice(device);
    return scratch.allocPagingDomain(device);
  }

  /** Builds a core with one group. */
  @Setup(Level.Trial)
  public void setUp() {
    core = IommuCore.builder().bootParameters(BootParameters.NONE.withStrict("1")).build();
    core.register(new IdleIommu(true));
    PlatformDevice first = PlatformDevice.builder("dev0").build();
    group = core.probeDevice(first).group();
    for (int i = 1; i < devices; i++) {
      core.probeDevice(PlatformDevice.builder("dev" + i).build());
    }
    domain = core.allocPagingDomain(first);
  }

  /** Closes the core. */
  @TearDown(Level.Trial)
  public void tearDown() {
    domain.close();
    core.closeForced();
  }

  /** One change of the default domain: every device is attached once. */
  @Benchmark
  public void changeDefaultDomain() {
    identity = !identity;
    group.changeDefaultDomain(identity ? DefaultDomainRequest.IDENTITY : DefaultDomainRequest.DMA);
  }

  /** A claim and its release: every device is attached twice. */
  @Benchmark
  public void claimAndRelease() {
    group.claimDmaOwner(owner);
    group.releaseDmaOwner();
  }

  /** An attach and its detach: every device is attached twice. */
  @Benchmark
  public void attachAndDetach() {
    group.attach(domain);
    group.detach(domain);
  }
}
