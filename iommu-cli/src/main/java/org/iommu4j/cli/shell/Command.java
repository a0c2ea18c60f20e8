package org.iommu4j.cli.shell;

import java.util.List;

/** A command of the shell. */
interface Command {
  /** Everything went well. */
  int SUCCESS = 0;

  /** Something was refused. */
  int FAILURE = 1;

  /** The command was used wrongly. */
  int USAGE = 2;

  /**
   * Runs.
   *
   * @return the exit status
   */
  int run(Session session, List<String> arguments);

  /** How it is called, for example {@code cat FILE...}. */
  String usage();

  /** What it does, in a few words. */
  String help();
}
