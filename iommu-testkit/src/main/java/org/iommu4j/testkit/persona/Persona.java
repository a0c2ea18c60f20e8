package org.iommu4j.testkit.persona;

import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.jspecify.annotations.Nullable;

/**
 * An IOMMU without hardware whose driver answers as one of Linux: static domains, forced types,
 * reserved regions, capabilities, page sizes and which devices it refuses. Mappings are kept, but
 * nothing translates.
 *
 * <pre>{@code
 * Persona dmar = VtdPersona.builder().cap(0xd2008c222f0606L).ecap(0xf00f4eL).build();
 * dmar.start(core);
 * }</pre>
 *
 * <p>Made by {@link VtdPersona}, {@link AmdPersona}, {@link SmmuPersona}, {@link RiscvPersona} and
 * {@link VirtioPersona}. May be registered with one core at a time. Thread-safe.
 */
public final class Persona implements IommuDevice {
  private final String name;
  private final @Nullable FirmwareNode node;
  private final PersonaOps ops;
  private final boolean forcesStrict;

  Persona(PersonaBuilder<?> builder, PersonaOps ops, boolean forcesStrict) {
    this.name = builder.name();
    this.node = builder.node();
    this.ops = ops;
    this.forcesStrict = forcesStrict;
    ops.serves(this);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public IommuOps ops() {
    return ops;
  }

  @Override
  public @Nullable FirmwareNode firmwareNode() {
    return node;
  }

  /**
   * Whether the driver forces strict invalidation upon the whole system when it starts, before it
   * takes the first device.
   *
   * @return true if the default type cannot stay lazy
   */
  public boolean forcesStrict() {
    return forcesStrict;
  }

  /**
   * Does what the driver does at its start: forces the policy, then registers.
   *
   * @param core knows the devices already, as at boot, or gets them later
   * @throws IommuException the error of a device that ended the registration
   */
  public void start(IommuCore core) {
    if (forcesStrict) {
      core.setDmaStrict();
    }
    core.register(this);
  }

  @Override
  public String toString() {
    return name;
  }
}
