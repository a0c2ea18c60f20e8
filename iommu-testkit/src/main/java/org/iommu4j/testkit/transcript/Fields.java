package org.iommu4j.testkit.transcript;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The members of one JSON object. What is missing, or is of another kind than expected, is absent:
 * a replay must survive records that it does not understand.
 */
record Fields(Map<String, @Nullable Object> members) {
  static final Fields NONE = new Fields(Map.of());

  boolean has(String name) {
    return members.containsKey(name);
  }

  boolean isNull(String name) {
    return members.containsKey(name) && members.get(name) == null;
  }

  Optional<String> text(String name) {
    return members.get(name) instanceof String text ? Optional.of(text) : Optional.empty();
  }

  String text(String name, String otherwise) {
    return text(name).orElse(otherwise);
  }

  Optional<Long> number(String name) {
    return members.get(name) instanceof Long number ? Optional.of(number) : Optional.empty();
  }

  int number(String name, int otherwise) {
    return number(name).map(Long::intValue).orElse(otherwise);
  }

  /** A number written as hexadecimal text, with or without 0x. */
  Optional<Long> hex(String name) {
    return text(name).flatMap(Fields::parseHex);
  }

  static Optional<Long> parseHex(String text) {
    String digits = text.startsWith("0x") ? text.substring(2) : text;
    try {
      return Optional.of(Long.parseUnsignedLong(digits, 16));
    } catch (NumberFormatException notHexadecimal) {
      return Optional.empty();
    }
  }

  Optional<Boolean> truth(String name) {
    return members.get(name) instanceof Boolean truth ? Optional.of(truth) : Optional.empty();
  }

  Fields object(String name) {
    return members.get(name) instanceof Map<?, ?> map ? of(map) : NONE;
  }

  List<Fields> objects(String name) {
    List<Fields> objects = new ArrayList<>();
    for (Object element : elements(name)) {
      if (element instanceof Map<?, ?> map) {
        objects.add(of(map));
      }
    }
    return objects;
  }

  List<String> texts(String name) {
    List<String> texts = new ArrayList<>();
    for (Object element : elements(name)) {
      if (element instanceof String text) {
        texts.add(text);
      }
    }
    return texts;
  }

  List<?> elements(String name) {
    return members.get(name) instanceof List<?> list ? list : List.of();
  }

  private static Fields of(Map<?, ?> map) {
    Map<String, @Nullable Object> members = new java.util.LinkedHashMap<>();
    map.forEach((name, value) -> members.put(String.valueOf(name), value));
    return new Fields(members);
  }
}
