package org.iommu4j.cli.shell;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsStat;

/** Lists directories. */
final class Ls implements Command {
  @Override
  public int run(Session session, List<String> words) {
    try {
      return new Listing(session, Arguments.parse("lad1", words)).run();
    } catch (Arguments.Wrong wrong) {
      session.complain("ls: " + wrong.getMessage());
      return USAGE;
    }
  }

  @Override
  public String usage() {
    return "ls [-l] [-a] [-d] [-1] [PATH]...";
  }

  @Override
  public String help() {
    return "lists directories; -l with modes and links";
  }

  /** One run of the command. */
  private static final class Listing {
    private static final int GAP = 2;

    private final Session session;
    private final SysfsProcess process;
    private final Arguments arguments;
    private int status = SUCCESS;

    Listing(Session session, Arguments arguments) {
      this.session = session;
      this.process = session.process();
      this.arguments = arguments;
    }

    int run() {
      List<String> files = new ArrayList<>();
      List<String> directories = new ArrayList<>();
      arguments.operandsOrHere().forEach(path -> sort(path, files, directories));
      show(files, "");
      boolean several = arguments.operands().size() > 1;
      boolean first = files.isEmpty();
      for (String directory : directories) {
        session.print(first ? "" : "\n");
        session.print(several ? directory + ":\n" : "");
        first = false;
        list(directory);
      }
      return status;
    }

    /** A link to a directory is listed as one only without -l, as the real command does. */
    private void sort(String path, List<String> files, List<String> directories) {
      try {
        SysfsStat stat = process.stat(path, !arguments.has('l'));
        boolean list = stat.kind() == SysfsStat.Kind.DIRECTORY && !arguments.has('d');
        (list ? directories : files).add(path);
      } catch (IommuException refused) {
        session.complain("ls: cannot access '" + path + "': " + Session.reason(refused));
        status = USAGE;
      }
    }

    private void list(String directory) {
      try {
        List<String> names = new ArrayList<>();
        if (arguments.has('a')) {
          names.addAll(List.of(".", ".."));
        }
        names.addAll(process.list(directory));
        if (arguments.has('l')) {
          session.println("total 0");
        }
        show(names, directory.endsWith("/") ? directory : directory + "/");
      } catch (IommuException refused) {
        session.complain(
            "ls: cannot open directory '" + directory + "': " + Session.reason(refused));
        status = USAGE;
      }
    }

    private void show(List<String> names, String directory) {
      if (arguments.has('l')) {
        names.forEach(name -> showLong(name, directory));
      } else if (arguments.has('1') || session.look().width() == 0) {
        names.forEach(session::println);
      } else {
        columns(names);
      }
    }

    private void showLong(String name, String directory) {
      try {
        SysfsStat stat = process.stat(directory + name, false);
        boolean link = stat.kind() == SysfsStat.Kind.LINK;
        session.println(
            String.format(
                "%s 1 root root %4d Jan  1  1970 %s%s",
                mode(stat),
                stat.size(),
                name,
                link ? " -> " + process.readlink(directory + name) : ""));
      } catch (IommuException gone) {
        session.complain("ls: cannot access '" + directory + name + "': " + Session.reason(gone));
        status = FAILURE;
      }
    }

    private static String mode(SysfsStat stat) {
      StringBuilder mode = new StringBuilder();
      mode.append(
          switch (stat.kind()) {
            case DIRECTORY -> 'd';
            case LINK -> 'l';
            case FILE -> '-';
          });
      for (int bit = 8; bit >= 0; bit--) {
        mode.append((stat.mode() >> bit & 1) == 0 ? '-' : "xwr".charAt(bit % 3));
      }
      return mode.toString();
    }

    /** Down the columns, as many as fit. */
    private void columns(List<String> names) {
      int widest = names.stream().mapToInt(String::length).max().orElse(0) + GAP;
      int columns = Math.max(1, session.look().width() / widest);
      int rows = (names.size() + columns - 1) / columns;
      for (int row = 0; row < rows; row++) {
        StringBuilder line = new StringBuilder();
        for (int at = row; at < names.size(); at += rows) {
          line.append(names.get(at)).append(" ".repeat(widest - names.get(at).length()));
        }
        session.println(line.toString().stripTrailing());
      }
    }
  }
}
