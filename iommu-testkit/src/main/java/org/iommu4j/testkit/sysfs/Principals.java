package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;

/** The one user and the one group that own everything here. */
final class Principals extends UserPrincipalLookupService {
  static final Root ROOT = new Root("root");

  /** User and group alike. */
  record Root(String name) implements GroupPrincipal {
    @Override
    public String getName() {
      return name;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  @Override
  public Root lookupPrincipalByName(String name) throws IOException {
    if (name.equals(ROOT.name())) {
      return ROOT;
    }
    throw new UserPrincipalNotFoundException(name);
  }

  @Override
  public Root lookupPrincipalByGroupName(String group) throws IOException {
    return lookupPrincipalByName(group);
  }
}
