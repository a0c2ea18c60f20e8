package org.iommu4j.fake;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * What happened, one line per call, in order. Lines begin with {@code ?} for pure queries, {@code
 * dma }, {@code env } or {@code event } for the layers around the driver; all others are driver
 * callbacks.
 */
public final class Journal {
  private final List<String> lines = new ArrayList<>();
  private Supplier<String> suffix = () -> "";

  Journal() {}

  /** Appends something to every line from now on, for example the locks held. */
  void setSuffix(Supplier<String> text) {
    suffix = text;
  }

  synchronized void add(String line) {
    lines.add(line + suffix.get());
  }

  /** Every line since the last {@link #clear}. */
  public synchronized List<String> all() {
    return List.copyOf(lines);
  }

  /** The driver's callbacks, without pure queries. */
  public List<String> calls() {
    return all().stream().filter(Journal::isCall).toList();
  }

  /** The lines that begin with a text. */
  public List<String> starting(String prefix) {
    return all().stream().filter(line -> line.startsWith(prefix)).toList();
  }

  private static boolean isCall(String line) {
    return !line.startsWith("?")
        && !line.startsWith("dma ")
        && !line.startsWith("env ")
        && !line.startsWith("event ");
  }

  /** Forgets everything. */
  public synchronized void clear() {
    lines.clear();
  }
}
