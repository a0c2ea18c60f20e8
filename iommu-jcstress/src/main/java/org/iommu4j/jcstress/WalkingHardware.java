package org.iommu4j.jcstress;

import java.lang.invoke.VarHandle;
import org.iommu4j.testkit.HardwareWalker;
import org.iommu4j.testkit.WalkedPage;

/**
 * The hardware of a race: one thread lets it walk, another one tells it to forget, which ends when
 * the walk that was under way has ended. It caches nothing.
 */
final class WalkingHardware {
  /** The hardware reports a fault. */
  static final int FAULT = 0;

  /** The access goes where the address was mapped to. */
  static final int RIGHT = 1;

  /** The access goes anywhere else. */
  static final int WRONG = 2;

  private volatile HardwareWalker walker;
  private volatile boolean walking;

  WalkingHardware(HardwareWalker walker) {
    this.walker = walker;
  }

  /** Points it to another top table. */
  void use(HardwareWalker other) {
    walker = other;
  }

  /** Walks to an address. */
  int look(long iova) {
    walking = true;
    WalkedPage page = walker.walk(iova);
    walking = false;
    if (page == null) {
      return FAULT;
    }
    return page.paddr() == Pages.targetOf(iova) ? RIGHT : WRONG;
  }

  /** Walks to pages side by side; one bit for each answer there was. */
  int lookAtAll(long iova, int pages) {
    int answers = 0;
    for (int i = 0; i < pages; i++) {
      answers |= 1 << look(iova + i * Pages.K4);
    }
    return answers;
  }

  /** A command; like a write to a device register it comes after all earlier stores. */
  void forget() {
    VarHandle.fullFence();
    while (walking) {
      Thread.onSpinWait();
    }
  }
}
