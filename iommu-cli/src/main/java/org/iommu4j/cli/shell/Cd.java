package org.iommu4j.cli.shell;

import java.util.List;
import org.iommu4j.api.IommuException;

/** Changes the working directory. */
final class Cd implements Command {
  @Override
  public int run(Session session, List<String> arguments) {
    if (arguments.size() > 1) {
      session.complainHere("cd: too many arguments");
      return FAILURE;
    }
    String path = arguments.isEmpty() ? "/" : arguments.get(0);
    try {
      session.process().changeDirectory(path);
      return SUCCESS;
    } catch (IommuException refused) {
      session.complainHere("cd: " + path + ": " + Session.reason(refused));
      return FAILURE;
    }
  }

  @Override
  public String usage() {
    return "cd [DIRECTORY]";
  }

  @Override
  public String help() {
    return "changes the working directory";
  }
}
