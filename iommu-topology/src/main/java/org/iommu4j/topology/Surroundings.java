package org.iommu4j.topology;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What is beside and below each function, as far as the addresses and parents in a text tell. */
final class Surroundings {
  private static final int BUS = "0000:00".length();
  private static final int SLOT = "0000:00:00".length();

  private final Map<String, Integer> functionsInSlot = new HashMap<>();
  private final Map<String, List<FunctionFacts>> onBus = new HashMap<>();
  private final Map<String, List<FunctionFacts>> belowParent = new HashMap<>();

  /** Adds a function under its usual name: segment, lower case. */
  void add(String name, FunctionFacts function) {
    functionsInSlot.merge(name.substring(0, SLOT), 1, Integer::sum);
    onBus.computeIfAbsent(name.substring(0, BUS), bus -> new ArrayList<>()).add(function);
    String parent = function.parent;
    if (parent != null) {
      belowParent.computeIfAbsent(usual(parent), bridge -> new ArrayList<>()).add(function);
    }
  }

  private static String usual(String address) {
    String full = address.indexOf(':') == address.lastIndexOf(':') ? "0000:" + address : address;
    return full.toLowerCase(Locale.ROOT);
  }

  /** How many functions the text has in the slot of a function. */
  int functionsInSlot(String name) {
    return functionsInSlot.getOrDefault(name.substring(0, SLOT), 0);
  }

  /** The functions that call a function their parent, else those on the bus it leads to. */
  List<FunctionFacts> below(String name, @Nullable Integer secondaryBus) {
    List<FunctionFacts> named = belowParent.get(name);
    if (named != null) {
      return named;
    }
    if (secondaryBus == null || secondaryBus == 0) {
      return List.of();
    }
    String bus = name.substring(0, "0000:".length()) + String.format("%02x", secondaryBus);
    return onBus.getOrDefault(bus, List.of());
  }
}
