package org.iommu4j.topology;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;

/**
 * The reader of the neutral machine description: one JSON object with a list of PCI functions.
 *
 * <pre>
 * { "machine": "eve", "devices": [
 *   { "bdf": "0000:00:01.3", "parent": null, "vendor": "1022", "device": "1483",
 *     "class_code": "060400", "header_type": 1, "secondary_bus": 3, "functions_in_slot": 2,
 *     "pcie_type": "root_port", "acs_cap": "SV+ RR+ CR+ UF+", "acs_ctl": "SV+ RR+ CR+ UF+",
 *     "driver": "pcieport", "iommu_group": 2 }, ... ] }
 * </pre>
 *
 * <p>Only {@code devices} and each {@code bdf} must be there; any other value may be null or
 * missing, and names that are not listed here are ignored.
 *
 * <table>
 * <caption>What is made of a function</caption>
 * <tr><th>Name</th><th>Value</th><th>Without it</th></tr>
 * <tr><td>{@code bdf}</td><td>address, segment 0 may be left out</td><td>refused</td></tr>
 * <tr><td>{@code parent}</td><td>address of the bridge above</td>
 *     <td>the bridge that leads to the function's bus, else a root bus</td></tr>
 * <tr><td>{@code vendor}, {@code device}</td><td>hexadecimal text</td><td>0</td></tr>
 * <tr><td>{@code class_code}</td><td>4 or 6 hexadecimal digits</td><td>unknown</td></tr>
 * <tr><td>{@code header_type}</td><td>0 device, 1 bridge, 2 CardBus bridge; 127 and 255 (all ones)
 *     mean that the function did not answer, and its bus numbers are not believed</td>
 *     <td>a bridge if it has a secondary bus or something is below it</td></tr>
 * <tr><td>{@code secondary_bus}, {@code subordinate_bus}</td><td>0 to 255, 0 leads nowhere</td>
 *     <td>the bus of the functions below</td></tr>
 * <tr><td>{@code multifunction}</td><td>boolean</td>
 *     <td>{@code functions_in_slot} is above 1; without that, counted</td></tr>
 * <tr><td>{@code pcie_type}</td><td>a {@link org.iommu4j.api.PcieType} in lower case</td>
 *     <td>derived, see below</td></tr>
 * <tr><td>{@code acs_cap}, {@code acs_ctl}</td>
 *     <td>{@code SV TB RR CR UF EC DT}, each with + or -; a capability without control counts as
 *     switched on</td>
 *     <td>no ACS, unless {@code acs_effective_inferred} is true: then source validation, request
 *     and completion redirect and upstream forwarding are implemented and on</td></tr>
 * <tr><td>{@code driver}, {@code name}, {@code iommu_group}</td><td>as recorded</td>
 *     <td>none</td></tr>
 * </table>
 *
 * <p>A port type that is not given is derived from the place. Below a conventional bus everything
 * is conventional. Otherwise a function without secondary bus is an endpoint, integrated on a root
 * bus; but one on a root bus of which {@code acs_effective_inferred} says that it is not isolated
 * is conventional, as nearly all such functions are. A bridge is a root port on a root bus and a
 * downstream port below an upstream port. Below a root or downstream port it is an upstream port,
 * unless it looks like a bridge to conventional PCI: it has a single function and yet was not
 * isolated, or functions are below it and no further bridge (the port driver and a recorded
 * isolation speak against that). CardBus bridges and subtractive ones (class 0604, interface 01)
 * always lead to conventional PCI.
 *
 * <p>The whole text may have 64 Mi characters or bytes and nest 32 levels deep.
 */
public final class MachineJson {
  private static final int MAX_LENGTH = 64 << 20;
  private static final int MAX_DEPTH = 32;
  private static final int MAX_TEXT = 1 << 16;
  private static final int MAX_NAME = 256;
  private static final int MAX_DIGITS = 32;

  private static final String DEFAULT_MACHINE = "default-machine.json";

  private MachineJson() {}

  /**
   * Reads a file.
   *
   * @param file in UTF-8
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
   * @param in in UTF-8
   * @param sourceName for messages
   * @return a topology with devices of its own
   * @throws IOException if the stream fails
   * @throws TopologyException if it does not describe a machine
   */
  public static PciTopology read(InputStream in, String sourceName) throws IOException {
    JsonParser parser;
    try {
      parser = factory().createParser(in);
    } catch (CharConversionException e) {
      // The first bytes decide on the encoding, and these belong to none.
      throw new TopologyException(null, JsonText.NOT_UTF_8).at(sourceName, 1);
    }
    return read(parser, sourceName);
  }

  /**
   * Reads a stream of characters up to its end and leaves it open.
   *
   * @param reader the text
   * @param sourceName for messages
   * @return a topology with devices of its own
   * @throws IOException if the stream fails
   * @throws TopologyException if it does not describe a machine
   */
  public static PciTopology read(Reader reader, String sourceName) throws IOException {
    return read(factory().createParser(reader), sourceName);
  }

  /**
   * The machine that comes with the library: an AMD desktop with 40 functions in 23 groups, four of
   * which have several members.
   *
   * @return a topology with devices of its own
   */
  public static PciTopology defaultMachine() {
    try (InputStream in = MachineJson.class.getResourceAsStream(DEFAULT_MACHINE)) {
      if (in == null) {
        throw new IllegalStateException(DEFAULT_MACHINE + " is missing from the library");
      }
      return read(in, DEFAULT_MACHINE);
    } catch (IOException e) {
      throw new UncheckedIOException(DEFAULT_MACHINE + " cannot be read", e);
    }
  }

  private static PciTopology read(JsonParser parser, String sourceName) throws IOException {
    try (parser) {
      JsonText text = new JsonText(parser, sourceName);
      return text.guarded(() -> new MachineText(text).read());
    }
  }

  private static JsonFactory factory() {
    // Noise must not fill the tables of names that the whole JVM shares.
    return JsonFactory.builder()
        .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
        .disable(StreamReadFeature.AUTO_CLOSE_SOURCE)
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxDocumentLength(MAX_LENGTH)
                .maxNestingDepth(MAX_DEPTH)
                .maxStringLength(MAX_TEXT)
                .maxNameLength(MAX_NAME)
                .maxNumberLength(MAX_DIGITS)
                .build())
        .build();
  }
}
