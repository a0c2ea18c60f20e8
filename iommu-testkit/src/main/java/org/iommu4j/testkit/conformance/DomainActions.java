package org.iommu4j.testkit.conformance;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.FaultHandler;
import org.jspecify.annotations.Nullable;

/** Domains: allocation, attach and detach, handles, faults, MSI windows. */
final class DomainActions {
  private DomainActions() {}

  static void addTo(OpTable table) {
    table.add("alloc", DomainActions::alloc);
    table.add("free", DomainActions::free);
    table.add("attach", DomainActions::attach);
    table.add("detach", DomainActions::detach);
    table.add("attach_handle", DomainActions::attachHandle);
    table.add("replace_handle", DomainActions::replaceHandle);
    table.add("detach_handle", DomainActions::detachHandle);
    table.add("handle_get", DomainActions::handleGet);
    table.add("deferred_attach", DomainActions::deferredAttach);
    table.add("domain_of", DomainActions::domainOf);
    table.add("default_of", DomainActions::defaultOf);
    table.add("fault_handler", DomainActions::faultHandler);
    table.add("fault", DomainActions::fault);
    table.add("quirks", DomainActions::quirks);
    table.add("msi_cookie", DomainActions::msiCookie);
    table.add("msi_prepare", DomainActions::msiPrepare);
  }

  private static Action alloc(Words words) {
    Device device = words.device();
    Set<AllocFlag> flags = EnumSet.noneOf(AllocFlag.class);
    if (words.more()) {
      String text = words.word("flags");
      if (!text.startsWith("flags=")) {
        throw words.error("wanted is flags=pasid|dirty");
      }
      for (String flag : text.substring("flags=".length()).split("[|,]", -1)) {
        flags.add(allocFlag(words, flag));
      }
    }
    AllocFlag[] wishes = flags.toArray(AllocFlag[]::new);
    return session -> session.recording().name(session.core().allocPagingDomain(device, wishes));
  }

  private static AllocFlag allocFlag(Words words, String name) {
    for (AllocFlag flag : AllocFlag.values()) {
      if (flag.name().toLowerCase(Locale.ROOT).equals(name)) {
        return flag;
      }
    }
    throw words.error("\"" + name + "\" is not an allocation flag");
  }

  private static Action free(Words words) {
    DomainRef domain = words.domain();
    return Action.ok(session -> session.core().freeDomain(session.domain(domain)));
  }

  private static Action attach(Words words) {
    Target target = words.target();
    DomainRef domain = words.domain();
    return target.action(
        (session, group) -> {
          group.attach(session.domain(domain));
          return Action.SUCCESS;
        },
        (session, device) -> {
          session.core().attach(device, session.domain(domain));
          return Action.SUCCESS;
        });
  }

  private static Action detach(Words words) {
    Target target = words.target();
    DomainRef domain = words.domain();
    return target.action(
        (session, group) -> {
          group.detach(session.domain(domain));
          return Action.OK;
        },
        (session, device) -> {
          session.core().detach(device, session.domain(domain));
          return Action.OK;
        });
  }

  private static Action attachHandle(Words words) {
    GroupRef group = words.group();
    DomainRef domain = words.domain();
    String handle = words.handle();
    return Action.success(
        session ->
            session.group(group).attachHandle(session.domain(domain), session.handle(handle)));
  }

  private static Action replaceHandle(Words words) {
    GroupRef group = words.group();
    DomainRef domain = words.domain();
    String handle = words.handle();
    return Action.success(
        session ->
            session
                .group(group)
                .replaceHandle(session.domainOrNull(domain), session.handle(handle)));
  }

  private static Action detachHandle(Words words) {
    GroupRef group = words.group();
    DomainRef domain = words.domain();
    return Action.ok(session -> session.group(group).detachHandle(session.domain(domain)));
  }

  private static Action handleGet(Words words) {
    GroupRef group = words.group();
    int pasid = words.decimal("PASID");
    DomainType type = words.more() ? handleType(words) : null;
    return session -> session.group(group).handle(pasid, type).toString();
  }

  private static DomainType handleType(Words words) {
    String name = words.word("TYPE");
    return switch (name) {
      case "unmanaged" -> DomainType.UNMANAGED;
      case "sva" -> DomainType.SVA;
      case "nested" -> DomainType.NESTED;
      default -> throw words.error("\"" + name + "\" is not unmanaged, sva or nested");
    };
  }

  private static Action deferredAttach(Words words) {
    Device device = words.device();
    DomainRef given = words.more() ? words.domain() : null;
    return Action.success(
        session -> {
          Domain domain = given == null ? defaultDomainOf(session, device) : session.domain(given);
          if (domain != null) {
            session.core().deferredAttach(device, domain);
          }
        });
  }

  /** The default domain of a device's group; without one no attach can be waiting. */
  private static @Nullable Domain defaultDomainOf(Session session, Device device) {
    return session
        .core()
        .group(device)
        .map(
            group -> {
              Domain domain = group.defaultDomain();
              group.put();
              return domain;
            })
        .orElse(null);
  }

  private static Action domainOf(Words words) {
    Device device = words.device();
    return session -> session.recording().typedName(session.core().domainOf(device));
  }

  private static Action defaultOf(Words words) {
    GroupRef group = words.group();
    return session -> session.recording().typedName(session.group(group).defaultDomain());
  }

  private static Action faultHandler(Words words) {
    DomainRef domain = words.domain();
    String kind = words.word("ok|fail|null");
    Errno answer =
        switch (kind) {
          case "ok", "null" -> null;
          case "fail" -> Errno.EIO;
          default -> throw words.error("\"" + kind + "\" is not ok, fail or null");
        };
    return Action.ok(
        session ->
            session
                .core()
                .setFaultHandler(
                    session.domainOrNull(domain),
                    kind.equals("null") ? null : handler(session.recording(), answer)));
  }

  private static FaultHandler handler(Recording recording, @Nullable Errno answer) {
    return (domain, device, iova, access) -> {
      recording.effect(
          String.format(
              "fault_handler %s %s %x %s",
              recording.name(domain),
              recording.name(device.device()),
              iova,
              access.name().toLowerCase(Locale.ROOT)));
      return answer;
    };
  }

  private static Action fault(Words words) {
    DomainRef domain = words.domain();
    Device device = words.device();
    long iova = words.hex("IOVA");
    String name = words.word("read|write");
    FaultAccess access =
        switch (name) {
          case "read" -> FaultAccess.READ;
          case "write" -> FaultAccess.WRITE;
          default -> throw words.error("\"" + name + "\" is neither read nor write");
        };
    return session -> {
      Errno answer = session.paging(domain).reportFault(session.served(device), iova, access);
      return answer == null ? Action.SUCCESS : "-" + answer;
    };
  }

  private static Action quirks(Words words) {
    DomainRef domain = words.domain();
    int bits = words.decimal("BITS");
    return Action.success(session -> session.core().setPgtableQuirks(session.domain(domain), bits));
  }

  private static Action msiCookie(Words words) {
    DomainRef domain = words.domain();
    long base = words.hex("BASE");
    return Action.success(session -> session.core().setMsiWindow(session.domain(domain), base));
  }

  private static Action msiPrepare(Words words) {
    Device device = words.device();
    long doorbell = words.hex("ADDR");
    return Action.success(session -> session.core().prepareMsi(device, doorbell));
  }
}
