package org.iommu4j.testkit.conformance;

import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.ResvRegion;
import org.jspecify.annotations.Nullable;

/** Groups: references, names, plain groups, attribute files. */
final class GroupActions {
  private static final String TYPE = "type";
  private static final String NAME = "name";
  private static final String RESERVED_REGIONS = "reserved_regions";

  private GroupActions() {}

  static void addTo(OpTable table) {
    table.add("get", GroupActions::get);
    table.add("put", GroupActions::put);
    table.add("group_alloc", words -> session -> "g" + session.core().allocGroup().id());
    table.add("group_add", GroupActions::groupAdd);
    table.add("group_remove", GroupActions::groupRemove);
    table.add("set_name", GroupActions::setName);
    table.add("set_data", GroupActions::setData);
    table.add("get_data", GroupActions::getData);
    table.add("each", GroupActions::each);
    table.add("isolated_msi", GroupActions::isolatedMsi);
    table.add("type", words -> write(words, words.group(), TYPE));
    table.add("write", words -> write(words, words.group(), words.word("ATTR")));
    table.add("read", words -> read(words.group(), words.word("ATTR")));
    table.add("resv", words -> read(words.group(), RESERVED_REGIONS));
    table.add("caps", GroupActions::caps);
  }

  private static Action get(Words words) {
    return words
        .target()
        .action(
            (session, group) -> "g" + group.ref().id(),
            (session, device) ->
                session.core().group(device).map(group -> "g" + group.id()).orElse("null"));
  }

  private static Action put(Words words) {
    if (words.optional("null")) {
      return Action.ok(session -> {});
    }
    GroupRef group = words.group();
    return Action.ok(session -> session.group(group).put());
  }

  private static Action groupAdd(Words words) {
    GroupRef group = words.group();
    Device device = words.device();
    return Action.success(session -> session.core().addToGroup(session.group(group), device));
  }

  private static Action groupRemove(Words words) {
    Device device = words.device();
    return Action.ok(session -> session.core().removeFromGroup(device));
  }

  private static Action setName(Words words) {
    GroupRef group = words.group();
    String name = words.wordOrNull("NAME");
    return Action.success(session -> session.group(group).setName(name));
  }

  private static Action setData(Words words) {
    GroupRef group = words.group();
    String token = words.wordOrNull("TOKEN");
    return Action.ok(
        session ->
            session
                .group(group)
                .setIommudata(
                    token, data -> session.recording().effect("data_release " + text(data))));
  }

  private static Action getData(Words words) {
    GroupRef group = words.group();
    return session -> text(session.group(group).iommudata());
  }

  private static String text(@Nullable Object data) {
    return data == null ? "null" : data.toString();
  }

  private static Action each(Words words) {
    GroupRef ref = words.group();
    Device last = words.more() ? words.device() : null;
    return session -> {
      IommuGroup group = session.group(ref);
      Errno stopped =
          group.forEachDevice(
              device -> {
                session.recording().effect("visit " + session.recording().name(device));
                return device == last ? Errno.EIO : null;
              });
      return stopped == null ? Action.SUCCESS : "-" + stopped;
    };
  }

  private static Action isolatedMsi(Words words) {
    GroupRef group = words.group();
    return session -> Action.yesNo(session.group(group).hasIsolatedMsi());
  }

  private static Action write(Words words, GroupRef ref, String attribute) {
    String text = words.word("\"TEXT\"");
    return session -> {
      IommuGroup group = session.group(ref);
      return switch (attribute) {
        case TYPE -> Integer.toString(group.writeType(text, session.caller()));
        // CORE-802, 807: they have no writer.
        case NAME, RESERVED_REGIONS -> "-" + Errno.EIO;
        default -> "-" + Errno.ENOENT;
      };
    };
  }

  private static Action read(GroupRef ref, String attribute) {
    return session -> {
      IommuGroup group = session.group(ref);
      List<String> lines =
          switch (attribute) {
            case TYPE -> List.of(group.typeText());
            case NAME -> name(group);
            case RESERVED_REGIONS -> regions(group);
            default -> throw new HazardException("no attribute " + attribute);
          };
      lines.forEach(line -> session.recording().effect("| " + line));
      return Action.OK;
    };
  }

  private static List<String> name(IommuGroup group) {
    String name = group.name();
    if (name == null) {
      throw new HazardException("g" + group.id() + " has no name");
    }
    return List.of(name);
  }

  /** The lines of CORE-803. */
  private static List<String> regions(IommuGroup group) {
    return group.reservedRegions().stream().map(GroupActions::region).toList();
  }

  private static String region(ResvRegion region) {
    return String.format(
        "0x%016x 0x%016x %s", region.start(), region.last(), region.type().sysfsName());
  }

  private static Action caps(Words words) {
    Boolean admin = null;
    Boolean rawIo = null;
    while (words.more()) {
      switch (words.word("CAP")) {
        case "admin=0" -> admin = false;
        case "admin=1" -> admin = true;
        case "rawio=0" -> rawIo = false;
        case "rawio=1" -> rawIo = true;
        default -> throw words.error("wanted is admin=0|1 or rawio=0|1");
      }
    }
    Boolean newAdmin = admin;
    Boolean newRawIo = rawIo;
    return Action.ok(
        session -> {
          Caller before = session.caller();
          session.setCaller(
              new Caller(
                  newAdmin == null ? before.sysAdmin() : newAdmin,
                  newRawIo == null ? before.rawIo() : newRawIo));
        });
  }
}
