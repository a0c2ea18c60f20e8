package org.iommu4j.tests.sysfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.function.Function;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.iommu4j.api.Caller;
import org.iommu4j.core.sysfs.SysfsTree;
import org.iommu4j.testkit.sysfs.SysfsFileSystem;

/** Paths in the tree do what the JDK's own paths do on Unix. */
class SysfsPathProperties {
  private final SysfsFileSystem files =
      SysfsFileSystem.of(SysfsTree.builder().build(), Caller.ROOT);

  @Provide
  Arbitrary<String> paths() {
    return Arbitraries.of("", "/", "a", "b", "..", ".", "a/b", "//", "c.d", "0000:00:01.0")
        .list()
        .ofMaxSize(6)
        .map(parts -> String.join("", parts.stream().map(part -> part + "/").toList()))
        .flatMap(
            text ->
                Arbitraries.of(
                    text,
                    "/" + text,
                    text.isEmpty() ? text : text.substring(0, text.length() - 1)));
  }

  private static String result(Path path, Function<Path, ?> operation) {
    try {
      return String.valueOf(operation.apply(path));
    } catch (IllegalArgumentException refused) {
      return "refused";
    }
  }

  private void same(String text, Function<Path, ?> operation) {
    assertThat(result(files.getPath(text), operation)).isEqualTo(result(Path.of(text), operation));
  }

  @Property
  void onePath(@ForAll("paths") String text) {
    unix();
    same(text, Path::toString);
    same(text, Path::normalize);
    same(text, Path::getParent);
    same(text, Path::getFileName);
    same(text, Path::getRoot);
    same(text, Path::getNameCount);
    same(text, Path::isAbsolute);
    same(text, path -> path.getName(0));
    same(text, path -> path.getName(path.getNameCount() - 1));
    same(text, path -> path.subpath(1, path.getNameCount()));
    same(text, path -> String.valueOf(path.iterator().hasNext()));
  }

  @Property
  void twoPaths(@ForAll("paths") String one, @ForAll("paths") String two) {
    unix();
    same(one, path -> path.resolve(two));
    same(one, path -> path.resolveSibling(two));
    same(one, path -> path.startsWith(two));
    same(one, path -> path.endsWith(two));
    same(one, path -> path.relativize(path.getFileSystem().getPath(two)));
    same(one, path -> path.equals(path.getFileSystem().getPath(two)));
    same(one, path -> Integer.signum(path.compareTo(path.getFileSystem().getPath(two))));
    same(one, path -> path.getFileSystem().getPath(one, two, "x"));
  }

  @Property
  void globs(@ForAll("paths") String text, @ForAll("globs") String glob) {
    unix();
    same(text, path -> path.getFileSystem().getPathMatcher("glob:" + glob).matches(path));
  }

  @Provide
  Arbitrary<String> globs() {
    return Arbitraries.of(
            "*", "**", "?", "a", "b", "/", "..", "[a-b]", "[!a]", "{a,b}", "\\*", ":", "0", "{",
            "]", "[", "-", ",")
        .list()
        .ofMaxSize(5)
        .map(parts -> String.join("", parts));
  }

  private static void unix() {
    Assume.that("/".equals(Path.of("x").getFileSystem().getSeparator()));
  }
}
