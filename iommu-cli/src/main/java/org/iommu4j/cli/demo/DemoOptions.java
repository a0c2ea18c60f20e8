package org.iommu4j.cli.demo;

/**
 * What a demo is told to do.
 *
 * @param seed of everything random
 * @param threads how many threads run the actors; 0 steps them on one, so that the seed decides all
 * @param steps how many steps the actors of a scene do together
 * @param brokenDriver whether the machine's IOMMU driver forgets to invalidate, which the demo must
 *     find out
 */
public record DemoOptions(long seed, int threads, int steps, boolean brokenDriver) {
  /** The seed unless another one is given. */
  public static final long DEFAULT_SEED = 1;

  /** The steps unless another number is given. */
  public static final int DEFAULT_STEPS = 2000;

  /** Whether actors are stepped on one thread. */
  boolean stepped() {
    return threads == 0;
  }
}
