package org.iommu4j.testkit.conformance;

import java.util.regex.Pattern;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * A domain named by an op.
 *
 * @param name {@code Dn}, {@code identity}, {@code blocked}, {@code platform} or {@code null}
 * @param kind the kind of a static domain, else null
 * @param owner whose static domain it is, else null
 */
record DomainRef(String name, StaticDomain.@Nullable Kind kind, @Nullable RecordingIommu owner) {
  private static final Pattern ALLOCATED = Pattern.compile("D[0-9]+");

  static @Nullable DomainRef parse(String name, @Nullable RecordingIommu owner) {
    if (name.equals("null") || ALLOCATED.matcher(name).matches()) {
      return new DomainRef(name, null, null);
    }
    StaticDomain.Kind kind =
        switch (name) {
          case "identity" -> StaticDomain.Kind.IDENTITY;
          case "blocked" -> StaticDomain.Kind.BLOCKED;
          case "platform" -> StaticDomain.Kind.PLATFORM;
          default -> null;
        };
    return kind == null || owner == null ? null : new DomainRef(name, kind, owner);
  }

  boolean isNull() {
    return name.equals("null");
  }

  boolean isStatic() {
    return kind != null;
  }

  @Override
  public String toString() {
    return owner == null ? name : name + "@" + owner;
  }
}
