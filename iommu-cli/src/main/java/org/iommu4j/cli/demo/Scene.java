package org.iommu4j.cli.demo;

/** One thing that a demo shows. */
interface Scene {
  /** Plays it, and puts the machine back as it was, except where the scene says otherwise. */
  void play(Stage stage);
}
