package org.iommu4j.testkit.conformance;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * Core objects for static domains that the core under test does not show: those of a driver that
 * has them without announcing them, or that is not registered.
 *
 * <p>A script may name them all the same, as a consumer of the kernel could. They come from a core
 * of their own, so the core under test meets a domain that none of its drivers announced.
 */
final class UnannouncedDomains implements AutoCloseable {
  private final IommuCore core;
  private final Map<RecordingIommu, Showcase> showcases = new HashMap<>();

  /**
   * Creates a collection.
   *
   * @param core without instances; closed with this
   */
  UnannouncedDomains(IommuCore core) {
    this.core = core;
  }

  Domain get(RecordingIommu owner, StaticDomain.Kind kind) {
    Showcase showcase = showcases.get(owner);
    if (showcase == null) {
      showcase = new Showcase(owner.ops());
      core.register(showcase);
      showcases.put(owner, showcase);
    }
    Domain domain =
        switch (kind) {
          case IDENTITY -> core.identityDomain(showcase);
          case BLOCKED -> core.blockedDomain(showcase);
          case PLATFORM -> core.staticDefaultDomain(showcase);
        };
    if (domain == null) {
      throw new IllegalStateException("a showcase announces all static domains");
    }
    return domain;
  }

  @Override
  public void close() {
    core.closeForced();
  }

  /** An IOMMU without devices that announces all static domains of a recording driver. */
  private static final class Showcase implements IommuDevice, IommuOps {
    private final RecordingIommuOps shown;

    Showcase(RecordingIommuOps shown) {
      this.shown = shown;
    }

    @Override
    public String name() {
      return shown.name();
    }

    @Override
    public IommuOps ops() {
      return this;
    }

    @Override
    public Set<IommuOp> operations() {
      return Set.of();
    }

    @Override
    public StaticDomain identityDomain() {
      return shown.staticDomain(StaticDomain.Kind.IDENTITY);
    }

    @Override
    public StaticDomain blockedDomain() {
      return shown.staticDomain(StaticDomain.Kind.BLOCKED);
    }

    @Override
    public StaticDomain defaultDomain() {
      return shown.staticDomain(StaticDomain.Kind.PLATFORM);
    }

    @Override
    public IommuDevice probeDevice(DevIommu device) {
      throw new IommuException(Errno.ENODEV, "a showcase serves no device");
    }

    @Override
    public @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
      return null;
    }
  }
}
