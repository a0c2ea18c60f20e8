package org.iommu4j.cli.shell;

import java.util.List;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.sysfs.SysfsStat;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;

/** Offers commands for the first word and paths for the others. */
final class PathCompleter implements Completer {
  private final Shell shell;

  PathCompleter(Shell shell) {
    this.shell = shell;
  }

  @Override
  public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
    if (line.wordIndex() == 0) {
      shell.commandNames().forEach(name -> candidates.add(new Candidate(name)));
    } else {
      String begun = line.word().substring(0, line.wordCursor());
      String typed = begun.startsWith(">") ? begun.replaceFirst("^>+", "") : begun;
      String before = begun.substring(0, begun.length() - typed.length());
      addPaths(before, typed.substring(0, typed.lastIndexOf('/') + 1), candidates);
    }
  }

  private void addPaths(String before, String directory, List<Candidate> candidates) {
    try {
      for (String name : shell.process().list(directory.isEmpty() ? "." : directory)) {
        String path = directory + name;
        boolean inner = isDirectory(path);
        String value = before + path + (inner ? "/" : "");
        candidates.add(new Candidate(value, name, null, null, null, null, !inner));
      }
    } catch (IommuException noDirectory) {
      // Nothing to offer.
    }
  }

  private boolean isDirectory(String path) {
    try {
      return shell.process().stat(path, true).kind() == SysfsStat.Kind.DIRECTORY;
    } catch (IommuException gone) {
      return false;
    }
  }
}
