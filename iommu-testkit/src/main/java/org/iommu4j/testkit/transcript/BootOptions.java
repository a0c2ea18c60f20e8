package org.iommu4j.testkit.transcript;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DmaBuild;
import org.jspecify.annotations.Nullable;

/**
 * What the command line and the start of the kernel say about IOMMUs.
 *
 * @param kernel its version
 * @param machine its architecture
 * @param words of the command line, in order
 * @param log the lines that were printed at boot
 */
record BootOptions(String kernel, String machine, List<String> words, List<String> log) {
  /** The first version that looks firmware up for a whole bus when an IOMMU appears. */
  private static final int[] EARLY_LOOK_UP = {6, 15};

  static BootOptions of(Transcript transcript) {
    TranscriptRecord first = transcript.records().get(0);
    for (TranscriptRecord record : transcript.records()) {
      if (record.op().equals("boot") && record.args().has("cmdline")) {
        String line = record.args().text("cmdline", "");
        return new BootOptions(
            record.kernel(),
            record.args().text("machine", architecture(record.kernel())),
            List.of(line.trim().split("\\s+")),
            record.klog());
      }
    }
    return new BootOptions(first.kernel(), architecture(first.kernel()), List.of(), List.of());
  }

  private static String architecture(String kernel) {
    if (kernel.contains("arm64") || kernel.contains("aarch64")) {
      return "aarch64";
    }
    return kernel.contains("riscv64") ? "riscv64" : "x86_64";
  }

  boolean isX86() {
    return machine.startsWith("x86") || machine.matches("i[3-6]86");
  }

  boolean isRiscv() {
    return machine.startsWith("riscv");
  }

  /** Whether the log has a line with a text. */
  boolean logged(String text) {
    return log.stream().anyMatch(line -> line.contains(text));
  }

  /** Whether a comma-separated option has been given an item. */
  boolean hasItem(String option, String item) {
    return items(option).contains(item);
  }

  /** The items of all occurrences of an option, in order. */
  List<String> items(String option) {
    return words.stream()
        .filter(word -> word.startsWith(option + "="))
        .flatMap(word -> List.of(word.substring(option.length() + 1).split(",")).stream())
        .toList();
  }

  /** Of two opposite items, the last one given. */
  boolean last(String option, Predicate<String> on, Predicate<String> off, boolean otherwise) {
    boolean value = otherwise;
    for (String item : items(option)) {
      if (on.test(item)) {
        value = true;
      } else if (off.test(item)) {
        value = false;
      }
    }
    return value;
  }

  boolean last(String option, String on, String off, boolean otherwise) {
    return last(option, on::equals, off::equals, otherwise);
  }

  /** Whether IOMMUs of x86 are switched off altogether. */
  boolean translationOff() {
    return isX86() && items("iommu").contains("off");
  }

  /** Pass-through or not: the last word that says so counts, whichever option it belongs to. */
  private @Nullable String passthrough() {
    String value = null;
    for (String word : words) {
      if (word.startsWith("iommu.passthrough=")) {
        value = readable(word.substring(word.indexOf('=') + 1)).orElse(value);
      } else if (isX86() && word.startsWith("iommu=")) {
        for (String item : word.substring(word.indexOf('=') + 1).split(",")) {
          if (item.startsWith("pt")) {
            value = "1";
          } else if (item.startsWith("nopt")) {
            value = "0";
          }
        }
      }
    }
    return value;
  }

  private @Nullable String strict() {
    String value = null;
    for (String word : words) {
      if (word.startsWith("iommu.strict=")) {
        value = readable(word.substring(word.indexOf('=') + 1)).orElse(value);
      }
    }
    return value;
  }

  /** A word that is no boolean does not undo an earlier one that is (CORE-187). */
  private static Optional<String> readable(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    return lower.matches("[eyt1dnf0].*|on.*|of.*") ? Optional.of(text) : Optional.empty();
  }

  /** Lazy is the default of builds for x86 and s390; the DMA layer is built for Arm as well. */
  BootParameters parameters() {
    boolean lazyBuild = isX86() || machine.startsWith("s390");
    boolean dmaLayer = lazyBuild || machine.equals("aarch64") || machine.equals("arm64");
    return BootParameters.NONE
        .withPassthrough(passthrough())
        .withStrict(strict())
        .withBuild(false, !lazyBuild)
        .withDma(dmaLayer ? DmaBuild.GENERIC : DmaBuild.NONE);
  }

  /** Whether a device's firmware description is looked at only when its driver is bound. */
  boolean looksFirmwareUpAtBind() {
    String[] parts = kernel.split("[^0-9]+", 3);
    if (parts.length < 2 || parts[0].isEmpty() || parts[1].isEmpty()) {
      return false;
    }
    int major = Integer.parseInt(parts[0]);
    int minor = Integer.parseInt(parts[1]);
    return major < EARLY_LOOK_UP[0] || (major == EARLY_LOOK_UP[0] && minor < EARLY_LOOK_UP[1]);
  }
}
