package org.iommu4j.topology;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;

/**
 * The reader of what {@code lspci -vv} or {@code -vvv} prints, best with {@code -nn} and as root.
 *
 * <p>What is before, after and between the functions is passed over, so a whole terminal session or
 * bug report may be given. Lines that mail or forum software has wrapped are put together again.
 * With {@code -x} the header is also taken from the hexadecimal dump.
 *
 * <p>What {@code lspci} does not print is derived:
 *
 * <ul>
 *   <li>The multifunction bit, unless the dump shows it: every function other than 0 has it, and
 *       function 0 if others are visible in its slot (PCIQ-100). Virtual functions, which the
 *       SR-IOV capability of the physical one counts, never have it.
 *   <li>The bridge above: the one whose secondary bus it is. A bus that no bridge leads to, but one
 *       forwards to, is virtual or hangs on a bridge that did not answer.
 *   <li>The IOMMU groups, where {@code lspci} is too old to print them, from lines of the kernel's
 *       log, paths in sysfs, or listings under headings such as {@code IOMMU Group 1:}.
 *   <li>The ids, without {@code -nn}: the vendor and the chipset root ports of Intel are recognised
 *       by their names.
 * </ul>
 *
 * <p>What cannot be derived is assumed, and {@link PciTopology#notes} says so. The text may have 64
 * Mi characters.
 */
public final class LspciText {
  private static final int MAX_LENGTH = 64 << 20;

  private static final String BYTE_ORDER_MARK = "\ufeff";

  private LspciText() {}

  /**
   * Whether a file lists a PCI function somewhere, so that a reading makes sense.
   *
   * @param file any file
   * @return true if one of its lines begins as {@code lspci} begins a function
   * @throws IOException if the file cannot be read
   */
  public static boolean isListing(Path file) throws IOException {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
      return lines.lines().anyMatch(LspciBlocks::beginsFunction);
    }
  }

  /**
   * Reads a file.
   *
   * @param file in UTF-8 or any other encoding that contains ASCII
   * @return a topology with devices of its own
   * @throws IOException if the file cannot be read
   * @throws TopologyException if it lists no function, or describes an impossible machine
   */
  public static PciTopology read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString());
    }
  }

  /**
   * Reads a stream of bytes up to its end and leaves it open.
   *
   * @param in in UTF-8 or any other encoding that contains ASCII
   * @param sourceName for messages
   * @return a topology with devices of its own
   * @throws IOException if the stream fails
   * @throws TopologyException if it lists no function, or describes an impossible machine
   */
  public static PciTopology read(InputStream in, String sourceName) throws IOException {
    return read(new InputStreamReader(in, StandardCharsets.UTF_8), sourceName);
  }

  /**
   * Reads a stream of characters up to its end and leaves it open.
   *
   * @param reader the text
   * @param sourceName for messages
   * @return a topology with devices of its own
   * @throws IOException if the stream fails
   * @throws TopologyException if it lists no function, or describes an impossible machine
   */
  public static PciTopology read(Reader reader, String sourceName) throws IOException {
    BufferedReader lines = new BufferedReader(reader);
    List<String> text = new ArrayList<>();
    long length = 0;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      length += line.length() + 1;
      if (length > MAX_LENGTH) {
        throw new TopologyException(null, "the text is longer than 64 Mi characters")
            .at(sourceName, text.size() + 1);
      }
      text.add(text.isEmpty() && line.startsWith(BYTE_ORDER_MARK) ? line.substring(1) : line);
    }
    LspciMachine machine = new LspciMachine(sourceName, LspciBlocks.of(text, sourceName));
    machine.addGroups(GroupLines.find(text));
    return machine.assemble();
  }
}
