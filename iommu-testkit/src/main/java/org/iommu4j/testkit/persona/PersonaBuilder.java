package org.iommu4j.testkit.persona;

import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import org.iommu4j.api.Device;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.jspecify.annotations.Nullable;

/**
 * Collects what every persona can be told. Not thread-safe.
 *
 * @param <B> the concrete builder
 */
public abstract sealed class PersonaBuilder<B extends PersonaBuilder<B>>
    permits VtdPersona.Builder,
        AmdPersona.Builder,
        SmmuPersona.Builder,
        RiscvPersona.Builder,
        VirtioPersona.Builder {
  private String name;
  private final @Nullable FirmwareNode node;
  private Predicate<Device> scope = device -> true;
  private Function<Device, List<ResvRegion>> firmwareRegions = device -> List.of();
  private ToIntFunction<PciDevice> classCodes = device -> 0;

  PersonaBuilder(String name, @Nullable FirmwareNode node) {
    this.name = name;
    this.node = node;
  }

  abstract B self();

  /**
   * Names the IOMMU.
   *
   * @param deviceName its name below {@code /sys/class/iommu}; that of the driver's first instance
   *     by default
   * @return this
   */
  public final B name(String deviceName) {
    name = deviceName;
    return self();
  }

  /**
   * Says which devices firmware puts behind this IOMMU, beyond what their specifiers say.
   *
   * @param served all by default
   * @return this
   */
  public final B scope(Predicate<Device> served) {
    scope = served;
    return self();
  }

  /**
   * Adds the reserved regions that firmware describes (RMRR, IVMD, reserved-memory nodes).
   *
   * @param regions none by default
   * @return this
   */
  public final B firmwareRegions(Function<Device, List<ResvRegion>> regions) {
    firmwareRegions = regions;
    return self();
  }

  /**
   * Says of which class PCI functions are.
   *
   * @param codes base class, sub-class and interface; 0 if unknown
   * @return this
   */
  public final B classCodes(ToIntFunction<PciDevice> codes) {
    classCodes = codes;
    return self();
  }

  final String name() {
    return name;
  }

  final @Nullable FirmwareNode node() {
    return node;
  }

  final Predicate<Device> scope() {
    return scope;
  }

  final Function<Device, List<ResvRegion>> firmwareRegions() {
    return firmwareRegions;
  }

  final ToIntFunction<PciDevice> classCodes() {
    return classCodes;
  }
}
