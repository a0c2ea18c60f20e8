package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * Keeps account of what a driver was given charge of: devices it probed, domains it made, and where
 * each device and PASID points. Put before any driver it shows what a core forgot to give back, and
 * what it did to things that were not there. Thread-safe.
 */
public final class DriverLedger {
  @GuardedBy("this")
  private final IdentityHashMap<DevIommu, Throwable> devices = new IdentityHashMap<>();

  @GuardedBy("this")
  private final IdentityHashMap<DomainOps, Throwable> domains = new IdentityHashMap<>();

  /** Where the DMA of each PASID of each device points; 0 stands for DMA without PASID. */
  @GuardedBy("this")
  private final IdentityHashMap<DevIommu, Map<Integer, DomainOps>> attached =
      new IdentityHashMap<>();

  @GuardedBy("this")
  private final List<String> complaints = new ArrayList<>();

  /** Creates an empty ledger. */
  public DriverLedger() {}

  /**
   * Puts this ledger before a driver. One ledger may serve several.
   *
   * @param instance an instance that is registered nowhere
   * @return what to register instead
   */
  public IommuDevice around(IommuDevice instance) {
    return new LedgerOps(instance.ops()).around(instance);
  }

  /**
   * What was done to things that were not there: a second release, a domain freed twice or with a
   * device on it, an attach to a freed domain or of a released device.
   *
   * @return a copy, oldest first
   */
  public synchronized List<String> complaints() {
    return List.copyOf(complaints);
  }

  /**
   * What was never given back: after a core has closed, leaks.
   *
   * @return one for each device and domain; the stack trace says where it was probed or made
   */
  public synchronized List<Throwable> outstanding() {
    List<Throwable> all = new ArrayList<>(devices.values());
    all.addAll(domains.values());
    return all;
  }

  /**
   * How many devices the driver has in its charge.
   *
   * @return zero or more
   */
  public synchronized int deviceCount() {
    return devices.size();
  }

  /**
   * How many domains the driver has made and not freed.
   *
   * @return zero or more
   */
  public synchronized int domainCount() {
    return domains.size();
  }

  private synchronized void probed(DevIommu device) {
    if (devices.put(device, new Throwable("device " + device.device() + " was probed")) != null) {
      complaints.add("device " + device.device() + " was probed twice without a release");
    }
  }

  private synchronized void released(DevIommu device) {
    if (devices.remove(device) == null) {
      complaints.add("device " + device.device() + " was released without having been probed");
    }
    attached.remove(device);
  }

  private synchronized void made(DomainOps domain, DevIommu device) {
    if (domain.operations().contains(DomainOp.FREE)) {
      domains.put(domain, new Throwable("domain " + domain + " was made for " + device.device()));
    }
  }

  private synchronized void freed(DomainOps domain) {
    if (domains.remove(domain) == null) {
      complaints.add("domain " + domain + " was freed twice");
    }
    attached.forEach(
        (device, pasids) ->
            pasids.forEach(
                (pasid, where) -> {
                  if (where == domain) {
                    complaints.add(
                        String.format(
                            "domain %s was freed with device %s on it, PASID 0x%x",
                            domain, device.device(), pasid));
                  }
                }));
  }

  private synchronized void attached(DomainOps domain, DevIommu device, int pasid) {
    if (!devices.containsKey(device)) {
      complaints.add("device " + device.device() + " was attached without having been probed");
    }
    boolean counted =
        !(domain instanceof StaticDomain) && domain.operations().contains(DomainOp.FREE);
    if (counted && !domains.containsKey(domain)) {
      complaints.add("device " + device.device() + " was attached to the freed domain " + domain);
    }
    attached.computeIfAbsent(device, unused -> new TreeMap<>()).put(pasid, domain);
  }

  private final class LedgerOps extends ForwardingIommuOps {
    LedgerOps(IommuOps delegate) {
      super(delegate);
    }

    @Override
    public IommuDevice probeDevice(DevIommu device) {
      IommuDevice instance = super.probeDevice(device);
      if (operations().contains(IommuOp.RELEASE_DEVICE)) {
        probed(device);
      }
      return instance;
    }

    @Override
    public void releaseDevice(DevIommu device) {
      released(device);
      super.releaseDevice(device);
    }

    @Override
    public @Nullable PagingDomainOps domainAllocPaging(DevIommu device) {
      return noted(device, () -> super.domainAllocPaging(device));
    }

    @Override
    public @Nullable PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
      return noted(device, () -> super.domainAllocPagingFlags(device, flags));
    }

    @Override
    public @Nullable DomainOps domainAllocIdentity(DevIommu device) {
      return noted(device, () -> super.domainAllocIdentity(device));
    }

    private <T extends DomainOps> @Nullable T noted(
        DevIommu device, Supplier<@Nullable T> allocation) {
      T domain = allocation.get();
      if (domain != null) {
        made(domain, device);
      }
      return domain;
    }

    @Override
    protected PagingDomainOps wrapPaging(PagingDomainOps domain) {
      return new LedgerPaging(domain);
    }

    @Override
    protected DomainOps wrapIdentity(DomainOps domain) {
      return new LedgerIdentity(domain);
    }

    @Override
    protected StaticDomain wrapStatic(StaticDomain domain) {
      return new LedgerStatic(domain);
    }
  }

  private final class LedgerPaging extends ForwardingPagingDomainOps {
    LedgerPaging(PagingDomainOps delegate) {
      super(delegate);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      super.attachDev(self, device, old);
      attached(this, device, 0);
    }

    @Override
    public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
      super.setDevPasid(self, device, pasid, old);
      attached(this, device, pasid);
    }

    @Override
    public void free(Domain self) {
      freed(this);
      super.free(self);
    }
  }

  private final class LedgerIdentity extends ForwardingDomainOps {
    LedgerIdentity(DomainOps delegate) {
      super(delegate);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      super.attachDev(self, device, old);
      attached(this, device, 0);
    }

    @Override
    public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
      super.setDevPasid(self, device, pasid, old);
      attached(this, device, pasid);
    }

    @Override
    public void free(Domain self) {
      freed(this);
      super.free(self);
    }
  }

  private final class LedgerStatic extends ForwardingStaticDomain {
    LedgerStatic(StaticDomain delegate) {
      super(delegate);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      super.attachDev(self, device, old);
      attached(this, device, 0);
    }

    @Override
    public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
      super.setDevPasid(self, device, pasid, old);
      attached(this, device, pasid);
    }
  }

  @Override
  public synchronized String toString() {
    return devices.size() + " devices, " + domains.size() + " domains";
  }
}
