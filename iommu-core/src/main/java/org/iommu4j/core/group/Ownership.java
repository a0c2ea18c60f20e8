package org.iommu4j.core.group;

import org.iommu4j.api.DmaOwner;
import org.jspecify.annotations.Nullable;

/**
 * Who uses the DMA of a group (CORE-033). One counter serves two uses that never mix.
 *
 * <pre>
 *            use                      claim
 *   InUse <-------- Idle ---------------------------> Owned
 *     |  unuse (last) ^                                 |
 *     '---------------'---------------------------------'
 *                         release
 * </pre>
 *
 * <p>Owned with no claims left is reachable only through an unbalanced {@code unuse} on an owned
 * group, which Linux does not notice (CORE-304).
 */
sealed interface Ownership {
  /** Nobody uses the group. */
  static Ownership idle() {
    return new Idle();
  }

  /** The counter of CORE-033. */
  int count();

  /** Who owns the group, or null. */
  default @Nullable DmaOwner owner() {
    return null;
  }

  /** One user or claim more. */
  Ownership plusOne();

  /** One user or claim less; the count must not be zero. */
  Ownership minusOne();

  /** Nobody uses the group. */
  record Idle() implements Ownership {
    @Override
    public int count() {
      return 0;
    }

    @Override
    public Ownership plusOne() {
      return new InUse(1);
    }

    @Override
    public Ownership minusOne() {
      throw new IllegalStateException("an idle group has no use to drop");
    }
  }

  /** Drivers that use the DMA API are bound. */
  record InUse(int drivers) implements Ownership {
    @Override
    public int count() {
      return drivers;
    }

    @Override
    public Ownership plusOne() {
      return new InUse(drivers + 1);
    }

    @Override
    public Ownership minusOne() {
      return drivers == 1 ? new Idle() : new InUse(drivers - 1);
    }
  }

  /** A consumer owns the group. */
  record Owned(DmaOwner token, int claims) implements Ownership {
    @Override
    public int count() {
      return claims;
    }

    @Override
    public DmaOwner owner() {
      return token;
    }

    @Override
    public Ownership plusOne() {
      return new Owned(token, claims + 1);
    }

    @Override
    public Ownership minusOne() {
      return new Owned(token, claims - 1);
    }
  }
}
