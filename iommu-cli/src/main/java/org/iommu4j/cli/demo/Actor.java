package org.iommu4j.cli.demo;

import java.util.random.RandomGenerator;

/** Somebody who does something over and over. Confined to one thread at a time. */
interface Actor {
  /** Does the next thing. */
  void step(RandomGenerator random);

  /** Puts everything back. */
  default void finish() {}
}
