package org.iommu4j.topology;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;

/**
 * The reader of machine descriptions of any format: JSON if the first character is a brace, bracket
 * or quote, else the text of {@code lspci}.
 */
public final class MachineFile {
  private static final int LOOKED_AT = 4096;

  private MachineFile() {}

  /**
   * Reads a file.
   *
   * @param file JSON as of {@link MachineJson}, or text as of {@link LspciText}
   * @return a topology with devices of its own
   * @throws IOException if the file cannot be read
   * @throws TopologyException if it does not describe a machine
   */
  public static PciTopology read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString());
    }
  }

  /**
   * Reads a stream up to its end and leaves it open.
   *
   * @param in JSON as of {@link MachineJson}, or text as of {@link LspciText}
   * @param sourceName for messages
   * @return a topology with devices of its own
   * @throws IOException if the stream fails
   * @throws TopologyException if it does not describe a machine
   */
  public static PciTopology read(InputStream in, String sourceName) throws IOException {
    BufferedInputStream buffered = new BufferedInputStream(in, LOOKED_AT);
    buffered.mark(LOOKED_AT);
    int first = buffered.read();
    for (int i = 1; i < LOOKED_AT && isSpace(first); i++) {
      first = buffered.read();
    }
    buffered.reset();
    boolean json = first == '{' || first == '"' || (first == '[' && looksLikeJson(buffered));
    return json ? MachineJson.read(buffered, sourceName) : LspciText.read(buffered, sourceName);
  }

  /** A byte-order mark belongs to neither format, and says nothing. */
  private static boolean isSpace(int c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xef || c == 0xbb || c == 0xbf;
  }

  /** Kernel messages begin with a bracket, too, but with a time in it. */
  private static boolean looksLikeJson(BufferedInputStream in) throws IOException {
    byte[] start = new byte[64];
    in.mark(LOOKED_AT);
    int length = Math.max(0, in.readNBytes(start, 0, start.length));
    in.reset();
    String text = new String(start, 0, length, StandardCharsets.ISO_8859_1);
    return !text.matches("(?s)\\s*\\[ *\\d+\\.\\d+].*");
  }
}
