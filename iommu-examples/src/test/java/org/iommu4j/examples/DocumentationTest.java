package org.iommu4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the documents show is code that is compiled and run.
 *
 * <p>A comment on the line before a block of code names the file and the region it is taken from:
 * {@code <!-- code: iommu-examples/src/.../EmbedTheCore.java#embed -->}. The region begins with
 * {@code // tag::embed[]} and ends with {@code // end::embed[]}.
 */
class DocumentationTest {
  private static final Path ROOT = root();
  private static final Pattern SOURCE = Pattern.compile("<!-- code: (\\S+)#(\\S+) -->");
  private static final Pattern LINK = Pattern.compile("]\\(([^)#\\s]+)(?:#[^)]*)?\\)");

  /** A block of code in a document. */
  record Block(Path document, int line, String language, String source, List<String> code) {
    String place() {
      return ROOT.relativize(document) + ":" + line;
    }
  }

  static Stream<Path> documents() throws IOException {
    List<Path> found = new ArrayList<>(List.of(ROOT.resolve("README.md")));
    for (String folder : List.of("docs", "examples")) {
      if (Files.isDirectory(ROOT.resolve(folder))) {
        try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
          files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(found::add);
        }
      }
    }
    return found.stream();
  }

  @ParameterizedTest
  @MethodSource("documents")
  void codeIsTheCodeThatRuns(Path document) {
    for (Block block : blocks(document)) {
      if (!block.source().isEmpty()) {
        assertThat(block.code()).as(block.place()).isEqualTo(region(block.source()));
      }
    }
  }

  @Test
  void readmeShowsNoOtherCode() {
    assertThat(blocks(ROOT.resolve("README.md")))
        .filteredOn(block -> block.language().equals("java"))
        .hasSizeGreaterThanOrEqualTo(3)
        .allSatisfy(block -> assertThat(block.source()).as(block.place()).isNotEmpty());
  }

  @ParameterizedTest
  @CsvSource({"embed, 10", "driver, 25", "property, 20"})
  void readmeKeepsItShort(String region, int lines) {
    assertThat(blocks(ROOT.resolve("README.md")))
        .filteredOn(block -> block.source().endsWith("#" + region))
        .singleElement()
        .satisfies(block -> assertThat(block.code()).hasSizeLessThanOrEqualTo(lines));
  }

  @Test
  void readmeNamesTheVersion() {
    assertThat(versions(ROOT.resolve("README.md")))
        .isNotEmpty()
        .allMatch(version -> version.equals(versions(ROOT.resolve("pom.xml")).get(0)));
  }

  private static List<String> versions(Path file) {
    Matcher matcher = Pattern.compile("<version>([^$<]+)</version>").matcher(textOf(file));
    return matcher.results().map(result -> result.group(1)).toList();
  }

  @ParameterizedTest
  @MethodSource("documents")
  void linksLeadSomewhere(Path document) {
    Matcher matcher = LINK.matcher(textOf(document));
    while (matcher.find()) {
      String target = matcher.group(1);
      if (!target.contains(":")) {
        assertThat(document.resolveSibling(target)).exists();
      }
    }
  }

  @Test
  void readmeLeadsToEveryPage() throws IOException {
    Set<String> linked =
        LINK.matcher(textOf(ROOT.resolve("README.md")))
            .results()
            .map(link -> link.group(1))
            .collect(Collectors.toSet());
    try (Stream<Path> pages = Files.list(ROOT.resolve("docs"))) {
      assertThat(pages.filter(page -> page.toString().endsWith(".md")))
          .extracting(page -> "docs/" + page.getFileName())
          .isNotEmpty()
          .isSubsetOf(linked);
    }
  }

  private static List<Block> blocks(Path document) {
    List<Block> blocks = new ArrayList<>();
    List<String> lines = textOf(document).lines().toList();
    int i = 0;
    while (i < lines.size()) {
      if (lines.get(i).startsWith("```")) {
        int end = i + 1;
        while (!lines.get(end).equals("```")) {
          end++;
        }
        Matcher source = SOURCE.matcher(i == 0 ? "" : lines.get(i - 1));
        blocks.add(
            new Block(
                document,
                i + 1,
                lines.get(i).substring(3),
                source.matches() ? source.group(1) + "#" + source.group(2) : "",
                lines.subList(i + 1, end)));
        i = end;
      }
      i++;
    }
    return blocks;
  }

  /** The lines between two tags, without what they are all indented by. */
  private static List<String> region(String source) {
    int hash = source.indexOf('#');
    Path file = ROOT.resolve(source.substring(0, hash));
    String name = source.substring(hash + 1);
    Map<String, Integer> tags = new HashMap<>();
    List<String> lines = textOf(file).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      tags.putIfAbsent(lines.get(i).strip(), i);
    }
    Integer begin = tags.get("// tag::" + name + "[]");
    Integer end = tags.get("// end::" + name + "[]");
    assertThat(begin).as("tag %s in %s", name, file).isNotNull();
    assertThat(end).as("end of %s in %s", name, file).isNotNull();
    return lines.subList(begin + 1, end).stream()
        .collect(Collectors.joining("\n"))
        .stripIndent()
        .lines()
        .toList();
  }

  private static String textOf(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The folder with the README, seen from wherever the tests run. */
  private static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("iommuctl"))) {
      Path parent = folder.getParent();
      if (parent == null) {
        throw new IllegalStateException("no iommuctl above " + Path.of("").toAbsolutePath());
      }
      folder = parent;
    }
    return folder;
  }
}
