package org.iommu4j.cli.shell;

import java.util.List;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsStat;

/** Draws directories with everything below them; links are shown, not followed. */
final class Tree implements Command {
  @Override
  public int run(Session session, List<String> words) {
    try {
      Arguments arguments = Arguments.parse("L:d", words);
      Drawing drawing =
          new Drawing(session, arguments.number('L').orElse(Integer.MAX_VALUE), arguments.has('d'));
      return drawing.run(arguments.operandsOrHere());
    } catch (Arguments.Wrong wrong) {
      session.complain("tree: " + wrong.getMessage());
      return USAGE;
    }
  }

  @Override
  public String usage() {
    return "tree [-d] [-L LEVELS] [PATH]...";
  }

  @Override
  public String help() {
    return "draws what is below; -d directories only";
  }

  /** One run of the command. */
  private static final class Drawing {
    private final Session session;
    private final SysfsProcess process;
    private final int levels;
    private final boolean directoriesOnly;
    private int directories;
    private int files;
    private int status = SUCCESS;

    Drawing(Session session, int levels, boolean directoriesOnly) {
      this.session = session;
      this.process = session.process();
      this.levels = levels;
      this.directoriesOnly = directoriesOnly;
    }

    int run(List<String> paths) {
      for (String path : paths) {
        top(path);
      }
      session.println("");
      session.println(
          count(directories, "director", "y", "ies")
              + (directoriesOnly ? "" : ", " + count(files, "file", "", "s")));
      return status;
    }

    private static String count(int number, String word, String one, String many) {
      return number + " " + word + (number == 1 ? one : many);
    }

    private void top(String path) {
      try {
        SysfsStat stat = process.stat(path, true);
        session.println(path);
        if (stat.kind() == SysfsStat.Kind.DIRECTORY) {
          directories++;
          below(stat.path(), "", 1);
        } else {
          files++;
        }
      } catch (IommuException refused) {
        session.println(path + "  [error opening dir: " + Session.reason(refused) + "]");
        status = USAGE;
      }
    }

    private void below(String directory, String indent, int level) {
      List<String> names = shown(directory);
      for (int i = 0; i < names.size(); i++) {
        boolean last = i == names.size() - 1;
        entry(directory + "/" + names.get(i), names.get(i), indent, last, level);
      }
    }

    private List<String> shown(String directory) {
      try {
        return process.list(directory).stream()
            .filter(name -> !directoriesOnly || isDirectory(directory + "/" + name, false))
            .toList();
      } catch (IommuException gone) {
        return List.of();
      }
    }

    private boolean isDirectory(String path, boolean follow) {
      try {
        return process.stat(path, follow).kind() == SysfsStat.Kind.DIRECTORY;
      } catch (IommuException gone) {
        return false;
      }
    }

    private void entry(String path, String name, String indent, boolean last, int level) {
      String target = target(path);
      session.println(indent + branch(last) + name + target);
      if (!isDirectory(path, true)) {
        files++;
        return;
      }
      directories++;
      if (target.isEmpty() && level < levels) {
        below(path, indent + stem(last), level + 1);
      }
    }

    private String branch(boolean last) {
      if (session.look().unicode()) {
        return last ? "└── " : "├── ";
      }
      return last ? "`-- " : "|-- ";
    }

    private String stem(boolean last) {
      if (last) {
        return "    ";
      }
      return session.look().unicode() ? "│   " : "|   ";
    }

    private String target(String path) {
      try {
        boolean link = process.stat(path, false).kind() == SysfsStat.Kind.LINK;
        return link ? " -> " + process.readlink(path) : "";
      } catch (IommuException gone) {
        return "";
      }
    }
  }
}
