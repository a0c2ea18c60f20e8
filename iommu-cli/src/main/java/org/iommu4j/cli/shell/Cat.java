package org.iommu4j.cli.shell;

import java.util.List;
import org.iommu4j.api.IommuException;

/** Prints files. */
final class Cat implements Command {
  @Override
  public int run(Session session, List<String> arguments) {
    if (arguments.isEmpty()) {
      session.complain("cat: a file is missing");
      return USAGE;
    }
    int status = SUCCESS;
    for (String path : arguments) {
      try {
        session.print(session.process().readString(path));
      } catch (IommuException refused) {
        session.complain("cat: " + path + ": " + Session.reason(refused));
        status = FAILURE;
      }
    }
    return status;
  }

  @Override
  public String usage() {
    return "cat FILE...";
  }

  @Override
  public String help() {
    return "prints files";
  }
}
