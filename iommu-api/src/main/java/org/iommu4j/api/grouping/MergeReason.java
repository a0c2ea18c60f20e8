package org.iommu4j.api.grouping;

import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;

/**
 * One step on the way from a device to the group that it must share: why {@link #from} cannot be
 * kept apart from {@link #to}.
 */
public sealed interface MergeReason {
  /**
   * Who cannot be kept apart.
   *
   * @return the device itself, or one that an earlier step has led to
   */
  Device from();

  /**
   * From whom.
   *
   * @return the device whose group decides, or one from which a further step leads on
   */
  Device to();

  /**
   * The reason in words.
   *
   * @return a sentence for people, without a full stop
   */
  String sentence();

  /**
   * A controller does the DMA of the device (PCIQ-084).
   *
   * @param from the device
   * @param to the controller
   */
  record IssuedBy(PciDevice from, PciDevice to) implements MergeReason {
    @Override
    public String sentence() {
      return from + " does its DMA as " + to + ", the controller that its bus belongs to";
    }
  }

  /**
   * A bridge above puts its own requester id on the DMA (CORE-135, 137).
   *
   * @param from the device
   * @param to the bridge
   * @param requesterId bus number x 256 + devfn, as the IOMMU sees it
   */
  record BridgeAlias(PciDevice from, PciDevice to, int requesterId) implements MergeReason {
    @Override
    public String sentence() {
      return String.format(
          "DMA of %s passes bridge %s and arrives with requester id %s",
          from, to, requester(requesterId));
    }
  }

  /**
   * The way up is open: traffic can turn round below the IOMMU (CORE-138).
   *
   * @param from the device
   * @param to the bridge above it
   * @param open the bridge on the way up from {@code to} that is not isolated, and why
   */
  record OpenPath(PciDevice from, PciDevice to, Isolation open) implements MergeReason {
    @Override
    public String sentence() {
      return String.format(
          "%s cannot be told from its bridge %s: on the way to the root, %s",
          from, to, open.sentence());
    }
  }

  /**
   * Two functions of one bus may use one requester id (CORE-142, 144).
   *
   * @param from one function
   * @param to the other
   * @param requesterId the id that both use: bus number x 256 + devfn
   * @param owner which of the two has the other's number as an alias
   */
  record SharedRequesterId(PciDevice from, PciDevice to, int requesterId, PciDevice owner)
      implements MergeReason {
    @Override
    public String sentence() {
      PciDevice other = owner.equals(from) ? to : from;
      return String.format(
          "%s also uses requester id %s, which is that of %s",
          owner, requester(requesterId), other);
    }
  }

  /**
   * Two functions of one slot can reach each other (CORE-143).
   *
   * @param from one function
   * @param to the other
   * @param here why the first is not isolated
   * @param there why the other is not
   */
  record OpenSlot(PciDevice from, PciDevice to, Isolation here, Isolation there)
      implements MergeReason {
    @Override
    public String sentence() {
      return String.format(
          "%s and %s are functions of one slot and can reach each other: %s; %s",
          from, to, here.sentence(), there.sentence());
    }
  }

  /**
   * All devices of one IOMMU instance share a group (CORE-131).
   *
   * @param from the device
   * @param to the first device of the instance
   */
  record SharedInstance(Device from, Device to) implements MergeReason {
    @Override
    public String sentence() {
      return from + " is behind the same IOMMU as " + to + ", which has one group only";
    }
  }

  /**
   * A device of a management complex shares the group of its container (CORE-132).
   *
   * @param from the device
   * @param to the container
   */
  record SharedContainer(Device from, Device to) implements MergeReason {
    @Override
    public String sentence() {
      return from + " belongs to container " + to;
    }
  }

  private static String requester(int id) {
    return String.format("%02x:%02x.%x", id >> 8 & 0xff, id >> 3 & 0x1f, id & 7);
  }
}
