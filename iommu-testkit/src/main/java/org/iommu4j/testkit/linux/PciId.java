package org.iommu4j.testkit.linux;

/**
 * What a PCI driver looks at to find its devices.
 *
 * @param vendor vendor id, 0 to 0xffff
 * @param device device id, 0 to 0xffff
 * @param classCode base class, sub-class and interface, 0 to 0xffffff; 0 if unknown
 */
public record PciId(int vendor, int device, int classCode) {
  /**
   * Base class and sub-class without the interface.
   *
   * @return for example 0x0604 for a bridge between PCI buses
   */
  public int classAndSubclass() {
    return classCode >> 8;
  }

  @Override
  public String toString() {
    return String.format("%04x:%04x class %06x", vendor, device, classCode);
  }
}
