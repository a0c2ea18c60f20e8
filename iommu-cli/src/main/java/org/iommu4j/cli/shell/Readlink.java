package org.iommu4j.cli.shell;

import java.util.List;
import org.iommu4j.api.IommuException;

/** Prints where links lead; says nothing of what is no link, as the real one. */
final class Readlink implements Command {
  @Override
  public int run(Session session, List<String> words) {
    Arguments arguments;
    try {
      arguments = Arguments.parse("f", words);
    } catch (Arguments.Wrong wrong) {
      session.complain("readlink: " + wrong.getMessage());
      return USAGE;
    }
    if (arguments.operands().isEmpty()) {
      session.complain("readlink: a file is missing");
      return USAGE;
    }
    int status = SUCCESS;
    for (String path : arguments.operands()) {
      try {
        session.println(
            arguments.has('f')
                ? session.process().realpath(path)
                : session.process().readlink(path));
      } catch (IommuException refused) {
        status = FAILURE;
      }
    }
    return status;
  }

  @Override
  public String usage() {
    return "readlink [-f] LINK...";
  }

  @Override
  public String help() {
    return "prints where links lead; -f without any links left";
  }
}
