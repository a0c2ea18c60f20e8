package org.iommu4j.cli.shell;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** All commands by name. */
final class Commands {
  private final Map<String, Command> byName = new LinkedHashMap<>();

  Commands() {
    byName.put("ls", new Ls());
    byName.put("cat", new Cat());
    byName.put("echo", new Echo());
    byName.put("readlink", new Readlink());
    byName.put("tree", new Tree());
    byName.put("cd", new Cd());
    byName.put(
        "pwd",
        new Simple(
            "pwd",
            "prints the working directory",
            (session, arguments) -> {
              session.println(session.process().workingDirectory());
              return Command.SUCCESS;
            }));
    byName.put(
        "set", new Simple("set -e | +e", "ends the shell at a failure, or not", Commands::set));
    byName.put("help", new Simple("help", "lists the commands", this::help));
    byName.put("exit", new Simple("exit [STATUS]", "ends the shell", Commands::exit));
  }

  /** A command of one line. */
  private record Simple(
      String usage, String help, BiFunction<Session, List<String>, Integer> action)
      implements Command {
    @Override
    public int run(Session session, List<String> arguments) {
      return action.apply(session, arguments);
    }
  }

  @Nullable Command find(String name) {
    return byName.get(name);
  }

  Collection<String> names() {
    return byName.keySet();
  }

  private static int set(Session session, List<String> arguments) {
    if (arguments.equals(List.of("-e")) || arguments.equals(List.of("+e"))) {
      session.stopAtFailure(arguments.get(0).equals("-e"));
      return Command.SUCCESS;
    }
    session.complainHere("set: only -e and +e are known");
    return Command.USAGE;
  }

  private int help(Session session, List<String> arguments) {
    byName
        .values()
        .forEach(
            command -> session.println(String.format("%-28s %s", command.usage(), command.help())));
    session.println("");
    session.println("> FILE sends the output of a command into a file, in one write.");
    session.println("A ; B, A && B and A || B, quotes, * ? [a-z] and # comments work as in sh.");
    return Command.SUCCESS;
  }

  private static int exit(Session session, List<String> arguments) {
    String status = arguments.isEmpty() ? String.valueOf(session.status()) : arguments.get(0);
    if (!status.matches("[0-9]{1,3}") || Integer.parseInt(status) > 255) {
      session.complainHere("exit: " + status + ": a status from 0 to 255 is needed");
      return Command.USAGE;
    }
    session.end();
    return Integer.parseInt(status);
  }
}
