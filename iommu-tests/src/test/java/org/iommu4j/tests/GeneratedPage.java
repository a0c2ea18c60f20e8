package org.iommu4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A page under {@code docs/} that a test writes. With {@code -Diommu4j.regenerate=true} it is
 * written, otherwise compared.
 */
public final class GeneratedPage {
  private GeneratedPage() {}

  /**
   * Writes or compares a page.
   *
   * @param name the file's name
   * @param text what it must say
   * @throws IOException if it cannot be read or written
   */
  public static void check(String name, String text) throws IOException {
    Path file = projectRoot().resolve("docs").resolve(name);
    if (Boolean.getBoolean("iommu4j.regenerate")) {
      Files.writeString(file, text);
    }
    boolean current = Files.exists(file) && Files.readString(file).equals(text);
    assertThat(current)
        .as("%s is up to date; -Diommu4j.regenerate=true writes it anew", file)
        .isTrue();
  }

  /**
   * Where the project lies.
   *
   * @return the folder of the topmost {@code pom.xml}
   */
  public static Path projectRoot() {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve("iommu-bom").resolve("pom.xml"))) {
      Path above = at.getParent();
      if (above == null) {
        throw new IllegalStateException(
            "no root of the project above " + Path.of("").toAbsolutePath());
      }
      at = above;
    }
    return at;
  }
}
