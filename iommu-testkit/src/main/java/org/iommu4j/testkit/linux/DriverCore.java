package org.iommu4j.testkit.linux;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.testkit.FakeMachine;
import org.jspecify.annotations.Nullable;

/**
 * Drivers and functions find each other here, as in the driver core: by id, by override, at once or
 * after a deferral.
 *
 * <p>Guarded by the lock of {@link LinuxPci}.
 */
final class DriverCore {
  private final FakeMachine machine;
  private final Map<String, LinuxDriver> drivers = new LinkedHashMap<>();
  private final Set<PciFunction> deferred = new LinkedHashSet<>();
  private @Nullable PciFunction binding;
  private boolean autoprobe = true;
  private boolean retrying;

  DriverCore(FakeMachine machine) {
    this.machine = machine;
  }

  boolean autoprobe() {
    return autoprobe;
  }

  void autoprobe(boolean on) {
    autoprobe = on;
  }

  List<LinuxDriver> drivers() {
    return List.copyOf(drivers.values());
  }

  @Nullable LinuxDriver driver(String name) {
    return drivers.get(name);
  }

  /** Whether this very function is in the middle of a bind. */
  boolean isBinding(@Nullable PciFunction function) {
    return function != null && function == binding;
  }

  void load(LinuxDriver driver, List<PciFunction> present) {
    if (drivers.putIfAbsent(driver.name(), driver) != null) {
      throw new IommuException(Errno.EBUSY, "driver " + driver + " is loaded already");
    }
    if (autoprobe) {
      for (PciFunction function : present) {
        if (function.held() == null && matches(driver, function)) {
          tryToBind(driver, function);
        }
      }
    }
  }

  void forgetDriver(LinuxDriver driver) {
    drivers.remove(driver.name());
  }

  void forget(PciFunction function) {
    deferred.remove(function);
  }

  /** By override if there is one, else by the driver's table. */
  static boolean matches(LinuxDriver driver, PciFunction function) {
    if (function.matchingForbidden()) {
      return false;
    }
    return function
        .driverOverride()
        .map(wanted -> wanted.equals(driver.name()))
        .orElseGet(() -> driver.matches(function.id()));
  }

  /** Offers a function to every driver until one takes it. */
  boolean attach(PciFunction function) {
    for (LinuxDriver driver : drivers()) {
      if (matches(driver, function) && tryToBind(driver, function)) {
        return true;
      }
    }
    return false;
  }

  /** Offers a function that has just been found. */
  void attachNew(PciFunction function) {
    if (autoprobe) {
      var unused = attach(function);
    }
  }

  private boolean tryToBind(LinuxDriver driver, PciFunction function) {
    try {
      bind(driver, function);
      return true;
    } catch (IommuException refused) {
      return false;
    }
  }

  /**
   * Binds, whether the two fit or not.
   *
   * @throws IommuException EBUSY if there is a driver; EAGAIN if the bind is put off; otherwise the
   *     error of the DMA configuration or of the driver
   */
  void bind(LinuxDriver driver, PciFunction function) {
    if (function.held() != null) {
      throw new IommuException(
          Errno.EBUSY, "device " + function + " has the driver " + function.held());
    }
    PciFunction outer = binding;
    binding = function;
    try {
      machine.bind(function.device(), driver.fake());
      probe(driver, function);
    } catch (IommuException refused) {
      if (refused.errno() == Errno.EPROBE_DEFER) {
        deferred.add(function);
        throw new IommuException(
            Errno.EAGAIN, "driver " + driver + " waits for device " + function, refused);
      }
      deferred.remove(function);
      throw refused;
    } finally {
      binding = outer;
    }
    function.hold(driver);
    deferred.remove(function);
    retryDeferred();
  }

  private void probe(LinuxDriver driver, PciFunction function) {
    boolean taken = false;
    try {
      driver.hooks().probe(function.device());
      taken = true;
    } finally {
      if (!taken) {
        machine.unbind(function.device());
      }
    }
  }

  /** Something new is there: those that were put off try again, in the order they were put off. */
  void retryDeferred() {
    if (retrying) {
      return;
    }
    retrying = true;
    try {
      boolean progress = true;
      while (progress && !deferred.isEmpty()) {
        progress = false;
        List<PciFunction> waiting = new ArrayList<>(deferred);
        deferred.clear();
        for (PciFunction function : waiting) {
          progress |= function.held() == null && attach(function);
        }
      }
    } finally {
      retrying = false;
    }
  }

  /**
   * Lets the driver of a function go.
   *
   * @param later runs once a device that is still in use is free
   * @return false if it is still in use
   */
  boolean letGo(PciFunction function, Runnable later) {
    LinuxDriver held = function.held();
    if (held == null) {
      return true;
    }
    if (function.isLettingGo()) {
      throw new IommuException(
          Errno.EBUSY, "driver " + held + " is being unbound from device " + function);
    }
    function.letGo();
    return held.hooks().remove(function.device(), later);
  }

  /** The second half of an unbind, when nobody uses the device any more. */
  void drop(PciFunction function) {
    if (function.held() != null) {
      machine.unbind(function.device());
      function.hold(null);
    }
  }
}
