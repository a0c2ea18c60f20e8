package org.iommu4j.core.domain;

import org.iommu4j.api.BlockedDomain;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.IdentityDomain;
import org.iommu4j.api.PlatformDomain;
import org.iommu4j.core.domain.CoreDomain.HasCore;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** The domains in which nothing is mapped: identity, blocked and platform. */
final class StaticDomains {
  private StaticDomains() {}

  static CoreDomain wrap(StaticDomain domain, DriverGuard guard) {
    return switch (guard.required("kind", domain, domain::kind)) {
      case IDENTITY -> new Unmapped(domain, DomainType.IDENTITY, null, guard);
      case BLOCKED -> new Unmapped(domain, DomainType.BLOCKED, null, guard);
      case PLATFORM -> new Unmapped(domain, DomainType.PLATFORM, null, guard);
    };
  }

  static CoreDomain allocatedIdentity(DomainOps ops, Driver owner, DriverGuard guard) {
    return new Unmapped(ops, DomainType.IDENTITY, owner, guard);
  }

  /** A domain without mappings; only an allocated one has an owner and can be freed. */
  private static final class Unmapped extends CoreDomain {
    private final DomainType type;
    private final Domain view;

    Unmapped(DomainOps ops, DomainType type, @Nullable Driver owner, DriverGuard guard) {
      super(ops, owner, guard);
      this.type = type;
      this.view =
          switch (type) {
            case IDENTITY -> new IdentityView(this);
            case BLOCKED -> new BlockedView(this);
            default -> new PlatformView(this);
          };
    }

    @Override
    public Domain asDomain() {
      return view;
    }

    @Override
    public DomainType type() {
      return type;
    }

    @Override
    void freeNow() {
      freeDriverSide();
    }
  }

  private abstract static class View implements HasCore {
    private final CoreDomain core;

    View(CoreDomain core) {
      this.core = core;
    }

    @Override
    public final CoreDomain core() {
      return core;
    }

    @Override
    public final DomainType type() {
      return core.type();
    }

    @Override
    public final DomainOps ops() {
      return core.ops();
    }

    @Override
    public final String toString() {
      return core.toString();
    }
  }

  private static final class IdentityView extends View implements IdentityDomain {
    IdentityView(CoreDomain core) {
      super(core);
    }

    @Override
    public long iovaToPhys(long iova) {
      return iova;
    }
  }

  private static final class BlockedView extends View implements BlockedDomain {
    BlockedView(CoreDomain core) {
      super(core);
    }

    @Override
    public long iovaToPhys(long iova) {
      return 0;
    }
  }

  /** Only the platform knows where its translations lead, so the answer is "not mapped". */
  private static final class PlatformView extends View implements PlatformDomain {
    PlatformView(CoreDomain core) {
      super(core);
    }

    @Override
    public long iovaToPhys(long iova) {
      return 0;
    }
  }
}
