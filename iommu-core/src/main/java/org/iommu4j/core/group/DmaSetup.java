package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.PagingDomainImpl;
import org.iommu4j.spi.DmaLayer;

/** Switches devices to the DMA layer and away from it (CORE-179 to 181). */
final class DmaSetup {
  private DmaSetup() {}

  /** Refreshes all members after a change of the default domain. */
  @GuardedBy("group.lock")
  static void refresh(GroupImpl group) {
    CoreDomain domain = group.defaultDomain;
    if (domain == null) {
      return;
    }
    for (Member member : group.members) {
      DevIommuImpl device = member.iommu();
      if (device != null) {
        device(group.services, device, domain);
      }
    }
  }

  /** Sets one device up; a failure leaves it on the platform's DMA and is only logged. */
  static void device(GroupServices services, DevIommuImpl device, CoreDomain domain) {
    device.refresh32bitWorkaround(services.policy());
    if (!(domain instanceof PagingDomainImpl paging) || !paging.type().isDma()) {
      off(services, device);
      return;
    }
    device.setDma(true);
    IommuException failure =
        services
            .guard()
            .attempt("dma_layer.setup", device, () -> setUp(services.dmaLayer(), device, paging));
    if (failure != null) {
      device.setDma(false);
      services
          .trace()
          .message(
              CoreMessage.DMA_SETUP_FAILED,
              device.device(),
              "device " + device + " does DMA without its IOMMU: " + failure.getMessage());
    }
  }

  private static void setUp(DmaLayer layer, DevIommuImpl device, PagingDomainImpl domain) {
    if (layer.setupDevice(device, domain.asPaging()) == DmaLayer.Outcome.DOWNGRADED) {
      domain.setType(DomainType.DMA);
    }
  }

  /** Switches a device away from the DMA layer. */
  static void off(GroupServices services, DevIommuImpl device) {
    if (device.dma()) {
      device.setDma(false);
      services
          .guard()
          .contain("dma_layer.teardown", device, () -> services.dmaLayer().teardownDevice(device));
    }
  }
}
