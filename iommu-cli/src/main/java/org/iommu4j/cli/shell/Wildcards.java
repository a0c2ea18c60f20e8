package org.iommu4j.cli.shell;

import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.PatternSyntaxException;
import org.iommu4j.api.IommuException;
import org.iommu4j.cli.shell.Statement.Word;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.testkit.sysfs.SysfsFileSystem;

/** Replaces words with wildcards by the paths that fit. */
final class Wildcards {
  private final SysfsProcess process;
  private final SysfsFileSystem files;

  Wildcards(SysfsProcess process, SysfsFileSystem files) {
    this.process = process;
    this.files = files;
  }

  /** The paths a word stands for; the word itself if none fits. */
  List<String> expand(Word word) {
    String glob = word.glob();
    if (glob == null) {
      return List.of(word.text());
    }
    List<String> found = List.of(glob.startsWith("/") ? "/" : "");
    try {
      for (String part : glob.split("/")) {
        if (!part.isEmpty()) {
          found = step(found, part);
        }
      }
    } catch (PatternSyntaxException noPattern) {
      // As in sh: a bracket that is not closed stands for itself.
      return List.of(word.text());
    }
    return found.isEmpty() ? List.of(word.text()) : found;
  }

  private List<String> step(List<String> directories, String part) {
    PathMatcher matcher = files.getPathMatcher("glob:" + part);
    List<String> found = new ArrayList<>();
    for (String directory : directories) {
      String prefix = directory.isEmpty() || directory.endsWith("/") ? directory : directory + "/";
      for (String name : candidates(directory, part)) {
        if (matcher.matches(files.getPath(name))) {
          found.add(prefix + name);
        }
      }
    }
    return found;
  }

  private List<String> candidates(String directory, String part) {
    String plain = part.replace("\\", "");
    if (plain.equals(".") || plain.equals("..")) {
      return List.of(plain);
    }
    try {
      return process.list(directory.isEmpty() ? "." : directory);
    } catch (IommuException noDirectory) {
      return List.of();
    }
  }
}
