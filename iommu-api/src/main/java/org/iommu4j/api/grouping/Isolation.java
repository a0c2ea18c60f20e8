package org.iommu4j.api.grouping;

import java.util.Locale;
import org.iommu4j.api.PciDevice;

/**
 * Whether a PCI function keeps peer-to-peer traffic out, and what decides it (CORE-139 to 141).
 *
 * <p>The order of the records is the order in which the answer is looked for: what is known, device
 * tables, the port type, ACS.
 */
public sealed interface Isolation {
  /**
   * The function in question.
   *
   * @return never null
   */
  PciDevice device();

  /**
   * The answer.
   *
   * @return true if nothing from other functions reaches it without passing the IOMMU
   */
  boolean isolated();

  /**
   * The answer and its ground.
   *
   * @return a clause for people that begins with the address of the function
   */
  String sentence();

  /**
   * Known from elsewhere, for example read back from the groups of a running machine.
   *
   * @param device the function
   * @param isolated the answer
   */
  record Known(PciDevice device, boolean isolated) implements Isolation {
    @Override
    public String sentence() {
      return device
          + (isolated ? " is isolated" : " is not isolated")
          + ", as the groups recorded on the machine show";
    }
  }

  /**
   * A device table answers, whatever the ACS registers say (PCIQ-010 to 034).
   *
   * @param device the function
   * @param rule the row of the table, for example {@code PCIQ-013}
   * @param isolated the answer
   */
  record Listed(PciDevice device, String rule, boolean isolated) implements Isolation {
    @Override
    public String sentence() {
      return String.format(
          "%s %s by its vendor and device id %04x:%04x (device table, %s)",
          device,
          isolated ? "is isolated" : "never counts as isolated",
          device.vendorId(),
          device.deviceId(),
          rule);
    }
  }

  /**
   * Assumed to be isolated because someone asked for it, not because it is.
   *
   * @param device the function
   */
  record Overridden(PciDevice device) implements Isolation {
    @Override
    public boolean isolated() {
      return true;
    }

    @Override
    public String sentence() {
      return device + " is taken for isolated because of the override, without proof";
    }
  }

  /**
   * A type of function that is never isolated: conventional PCI, bridges between PCI and PCI
   * Express, event collectors.
   *
   * @param device the function
   */
  record NeverByType(PciDevice device) implements Isolation {
    @Override
    public boolean isolated() {
      return false;
    }

    @Override
    public String sentence() {
      return device + " is " + typeName(device) + ", which is never isolated";
    }
  }

  /**
   * A single function that has nobody beside it.
   *
   * @param device the function
   */
  record SingleFunction(PciDevice device) implements Isolation {
    @Override
    public boolean isolated() {
      return true;
    }

    @Override
    public String sentence() {
      return device + " is isolated: it is the only function of its device";
    }
  }

  /**
   * A port or multifunction device that would need an ACS capability and has none.
   *
   * @param device the function
   */
  record NoAcs(PciDevice device) implements Isolation {
    @Override
    public boolean isolated() {
      return false;
    }

    @Override
    public String sentence() {
      return device + " (" + typeName(device) + ") has no ACS capability";
    }
  }

  /**
   * An ACS capability with everything on that is required and implemented.
   *
   * @param device the function
   * @param absent required functions that it does not implement, which count as satisfied
   */
  record AcsOn(PciDevice device, int absent) implements Isolation {
    @Override
    public boolean isolated() {
      return true;
    }

    @Override
    public String sentence() {
      return device
          + " has its ACS on"
          + (absent == 0 ? "" : " (" + AcsBits.names(absent) + " not implemented, not missed)");
    }
  }

  /**
   * An ACS capability in which something required is implemented but off.
   *
   * @param device the function
   * @param missing the bits to be switched on, never 0
   */
  record AcsOff(PciDevice device, int missing) implements Isolation {
    @Override
    public boolean isolated() {
      return false;
    }

    @Override
    public String sentence() {
      return device
          + " ("
          + typeName(device)
          + ") has ACS, but "
          + AcsBits.names(missing)
          + (Integer.bitCount(missing) == 1 ? " is off" : " are off");
    }
  }

  /**
   * An Intel chipset port whose ACS registers have 32 bits (PCIQ-018, 042).
   *
   * @param device the function
   * @param missing required bits that are implemented but off, 0 if none
   * @param assumed true if the control was not read, and what the kernel sets is taken for granted
   */
  record WideAcs(PciDevice device, int missing, boolean assumed) implements Isolation {
    @Override
    public boolean isolated() {
      return missing == 0;
    }

    @Override
    public String sentence() {
      return device
          + " has 32-bit ACS registers (PCIQ-018), "
          + (missing != 0
              ? "in which " + AcsBits.names(missing) + " would have to be on"
              : assumed ? "taken to be on as the kernel sets them" : "which are on");
    }
  }

  private static String typeName(PciDevice device) {
    return switch (device.pcieType()) {
      case CONVENTIONAL -> "conventional PCI";
      case PCIE_TO_PCI_BRIDGE -> "a PCIe-to-PCI bridge";
      case PCI_TO_PCIE_BRIDGE -> "a PCI-to-PCIe bridge";
      case EVENT_COLLECTOR -> "an event collector";
      default -> {
        String name = device.pcieType().name().toLowerCase(Locale.ROOT).replace('_', ' ');
        yield (device.multifunction() ? "multifunction " : "") + name;
      }
    };
  }
}
