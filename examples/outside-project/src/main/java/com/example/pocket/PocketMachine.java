package com.example.pocket;

import java.util.ServiceLoader;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.IommuDriverProvider;

/** Embeds the core, with a driver that is found by its name. */
public final class PocketMachine {
  private PocketMachine() {}

  /** Starts a core that drives the hardware behind a port. */
  public static IommuCore start(HardwarePort port) {
    return IommuCore.create(driver("pocket").open(port));
  }

  private static IommuDriverProvider driver(String name) {
    return ServiceLoader.load(IommuDriverProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(provider -> provider.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no driver is called " + name));
  }
}
