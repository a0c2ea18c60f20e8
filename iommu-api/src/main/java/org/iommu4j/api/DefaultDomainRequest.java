package org.iommu4j.api;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What a change of a group's default domain asks for (CORE-202). */
public enum DefaultDomainRequest {
  /** Pass-through. */
  IDENTITY("identity", DomainType.IDENTITY),
  /** Translated, strict. */
  DMA("DMA", DomainType.DMA),
  /** Translated, lazy. */
  DMA_FQ("DMA-FQ", DomainType.DMA_FQ),
  /** The driver's wish, else the global default (CORE-221). */
  AUTO("auto", null);

  private final String text;
  private final @Nullable DomainType type;

  DefaultDomainRequest(String text, @Nullable DomainType type) {
    this.text = text;
    this.type = type;
  }

  /**
   * The text that the {@code type} file accepts for this request.
   *
   * @return for example {@code DMA-FQ}
   */
  public String text() {
    return text;
  }

  /**
   * The requested type.
   *
   * @return null for {@link #AUTO}
   */
  public @Nullable DomainType type() {
    return type;
  }

  /**
   * Reads the text of a write to a {@code type} file: case-sensitive, at most one trailing newline.
   *
   * @param written for example {@code "identity\n"}
   * @return the request, or empty for any other text
   */
  public static Optional<DefaultDomainRequest> parse(String written) {
    String bare = written.endsWith("\n") ? written.substring(0, written.length() - 1) : written;
    for (DefaultDomainRequest request : values()) {
      if (request.text.equals(bare)) {
        return Optional.of(request);
      }
    }
    return Optional.empty();
  }
}
