package org.iommu4j.core.sysfs;

/**
 * A node and how it was reached.
 *
 * @param path absolute, without symbolic links before its last name
 * @param node what is there
 */
record Place(String path, SysfsNode node) {
  /** The directory that holds it; the root holds itself. */
  String parent() {
    int slash = path.lastIndexOf('/');
    return slash <= 0 ? "/" : path.substring(0, slash);
  }
}
