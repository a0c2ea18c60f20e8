package org.iommu4j.driver.soft;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.util.concurrent.atomic.AtomicReference;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Fwspec;
import org.jspecify.annotations.Nullable;

/** Stand-ins for what a core hands to a driver. */
final class Devices {
  private Devices() {}

  /** A device that keeps the driver's data. */
  static DevIommu of(Device device, @Nullable Fwspec fwspec) {
    AtomicReference<@Nullable Object> priv = new AtomicReference<>();
    DevIommu made = mock(DevIommu.class);
    when(made.device()).thenReturn(device);
    when(made.fwspec()).thenReturn(fwspec);
    when(made.priv()).thenAnswer(call -> priv.get());
    doAnswer(
            call -> {
              priv.set(call.getArgument(0));
              return null;
            })
        .when(made)
        .setPriv(any());
    return made;
  }

  /** A device that a driver has taken. */
  static DevIommu probed(SoftIommu iommu, Device device) {
    DevIommu made = of(device, null);
    iommu.probeDevice(made);
    return made;
  }
}
