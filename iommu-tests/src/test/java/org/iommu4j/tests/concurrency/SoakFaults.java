package org.iommu4j.tests.concurrency;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** Lets one attach in some fail; which ones depends on the seed and on how many came before. */
final class SoakFaults {
  /** What an attach may be refused with. */
  static final List<Errno> REFUSALS = List.of(Errno.EIO, Errno.ENOMEM, Errno.EINVAL);

  private final long seed;
  private final int oneIn;
  private final AtomicLong calls = new AtomicLong();
  private final AtomicLong injected = new AtomicLong();
  private volatile boolean active;

  /** One attach in so many fails; none if it is zero. */
  SoakFaults(long seed, int oneIn) {
    this.seed = seed;
    this.oneIn = oneIn;
  }

  /** Whether an attach may ever have failed. */
  boolean possible() {
    return oneIn != 0;
  }

  /** Attaches may fail from now on, or they do not any more. */
  void activate(boolean on) {
    active = on;
  }

  long injected() {
    return injected.get();
  }

  void maybeFail(Device device) {
    if (oneIn == 0 || !active) {
      return;
    }
    SplittableRandom random = new SplittableRandom(seed + calls.getAndIncrement());
    if (random.nextInt(oneIn) == 0) {
      injected.incrementAndGet();
      Errno errno = REFUSALS.get(random.nextInt(REFUSALS.size()));
      throw new IommuException(errno, "injected: " + device + " cannot be attached");
    }
  }
}
