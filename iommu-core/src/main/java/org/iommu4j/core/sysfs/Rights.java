package org.iommu4j.core.sysfs;

import org.iommu4j.api.Caller;

/** Who may do what by the permission bits; every node belongs to uid 0. */
enum Rights {
  READ(0444),
  WRITE(0222),
  EXECUTE(0111);

  private static final int OWNER = 0700;
  private static final int OTHERS = 0007;

  private final int bits;

  Rights(int bits) {
    this.bits = bits;
  }

  boolean granted(SysfsNode node, Caller caller) {
    int who = caller.uid() == 0 ? OWNER : OTHERS;
    return (node.mode() & bits & who) != 0 || mayOverride(node, caller);
  }

  /** The capability does not make a file executable that is so for nobody. */
  private boolean mayOverride(SysfsNode node, Caller caller) {
    return caller.dacOverride()
        && (this != EXECUTE || node instanceof SysfsDirectory || grantedToAnybody(node));
  }

  /** What sysfs asks besides when it opens a file: a right that nobody has, root has not either. */
  boolean grantedToAnybody(SysfsNode node) {
    return (node.mode() & bits) != 0;
  }
}
