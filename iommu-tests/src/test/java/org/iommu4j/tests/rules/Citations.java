package org.iommu4j.tests.rules;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Finds the rules that test sources name: {@code CORE-136}, or {@code CORE-136, 137 and 144}. */
final class Citations {
  private static final Pattern CITATION = Pattern.compile("CORE-\\d+(?:(?:,| and) \\d{2,4}\\b)*");

  private static final Pattern NUMBER = Pattern.compile("\\d+");

  private Citations() {}

  /**
   * Reads all test sources of the project.
   *
   * @param root the project's folder
   * @return rule, as {@code CORE-007}, to the classes that cite it
   * @throws IOException if a source cannot be read
   */
  static SortedMap<String, SortedSet<String>> collect(Path root) throws IOException {
    SortedMap<String, SortedSet<String>> citations = new TreeMap<>();
    for (Path source : testSources(root)) {
      String file = String.valueOf(source.getFileName());
      String name = file.substring(0, file.length() - ".java".length());
      for (String rule : in(Files.readString(source))) {
        citations.computeIfAbsent(rule, unused -> new TreeSet<>()).add(name);
      }
    }
    return citations;
  }

  private static List<Path> testSources(Path root) throws IOException {
    try (Stream<Path> all = Files.find(root, Integer.MAX_VALUE, (path, facts) -> isTest(path))) {
      return all.sorted().toList();
    }
  }

  private static boolean isTest(Path path) {
    String unix = path.toString().replace('\\', '/');
    boolean ownPackage = unix.contains("/tests/rules/");
    return unix.contains("/src/test/java/") && unix.endsWith(".java") && !ownPackage;
  }

  /** The rules named in one text. */
  static SortedSet<String> in(String text) {
    SortedSet<String> rules = new TreeSet<>();
    Matcher citation = CITATION.matcher(text);
    while (citation.find()) {
      Matcher number = NUMBER.matcher(citation.group());
      while (number.find()) {
        rules.add(String.format("CORE-%03d", Integer.valueOf(number.group())));
      }
    }
    return rules;
  }
}
