package org.iommu4j.bench;

import java.util.concurrent.TimeUnit;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.core.GroupForecast;
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

/** The groups of a machine, foreseen with all reasons. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class GroupingBenchmark {
  private static final int PORTS_IN_A_SEGMENT = 0x80;
  private static final int FUNCTIONS_BELOW = 4;
  private static final int FUNCTIONS_ON_A_FULL_BUS = 256;

  /** How the functions lie: four below each port, or 256 with aliases on each bus. */
  public enum Shape {
    /** Isolated ports, each with a device of four functions that share a group. */
    PORTS,
    /** The worst case: full buses on which every function has an alias. */
    FULL_BUSES
  }

  /** How many functions the machine has. */
  @Param({"300", "10000", "100000"})
  public int functions;

  /** How they lie. */
  @Param({"PORTS", "FULL_BUSES"})
  public Shape shape = Shape.PORTS;

  private PciTopology machine = PciTopology.builder("empty").build();

  /** Creates the state; JMH calls this. */
  public GroupingBenchmark() {}

  /** Describes the machine. */
  @Setup(Level.Trial)
  public void setUp() {
    machine = shape == Shape.PORTS ? ports() : fullBuses();
  }

  private PciTopology ports() {
    PciTopology.Builder builder = PciTopology.builder("ports");
    for (int i = 0; i < functions / (1 + FUNCTIONS_BELOW); i++) {
      int segment = i / PORTS_IN_A_SEGMENT;
      int port = i % PORTS_IN_A_SEGMENT;
      builder
          .function(String.format("%04x:00:%02x.%x", segment, port / 8, port % 8))
          .secondaryBus(port + 1)
          .facts(
              (facts, bus) ->
                  facts.pcieType(PcieType.ROOT_PORT).acs(AcsBits.REQUIRED, AcsBits.REQUIRED));
      for (int function = 0; function < FUNCTIONS_BELOW; function++) {
        builder
            .function(String.format("%04x:%02x:00.%x", segment, port + 1, function))
            .facts((facts, bus) -> facts.multifunction(true).ids(0x8086, 0x1572));
      }
    }
    return builder.build();
  }

  private PciTopology fullBuses() {
    PciTopology.Builder builder = PciTopology.builder("full buses");
    for (int i = 0; i < functions; i++) {
      int bus = i / FUNCTIONS_ON_A_FULL_BUS;
      builder
          .function(String.format("%04x:%02x:%02x.%x", bus >> 8, bus & 0xff, i >> 3 & 0x1f, i & 7))
          .facts((facts, on) -> facts.multifunction(true).ids(0x1b4b, 0x9230));
    }
    return builder.build();
  }

  /**
   * A prediction.
   *
   * @return its groups
   */
  @Benchmark
  public GroupPrediction predict() {
    return GroupForecast.of(machine);
  }

  /**
   * The description of the machine and a prediction.
   *
   * @return its groups
   */
  @Benchmark
  public GroupPrediction describeAndPredict() {
    return GroupForecast.of(shape == Shape.PORTS ? ports() : fullBuses());
  }
}
