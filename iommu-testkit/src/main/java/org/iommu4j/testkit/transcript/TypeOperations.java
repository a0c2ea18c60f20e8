package org.iommu4j.testkit.transcript;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.sysfs.OpenFlag;
import org.iommu4j.core.sysfs.SysfsFile;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.jspecify.annotations.Nullable;

/** Writes and reads of {@code type} files and their neighbours, in all forms. */
final class TypeOperations {
  private static final Pattern PREAD = Pattern.compile("pread (\\d+)@(\\d+)");
  private static final Pattern OFFSET = Pattern.compile("pwrite offset (\\d+)");
  private static final int MAX_LENGTH = 1 << 20;
  private static final String DENIED = "-";

  private final RecordedSystem system;
  private final Map<String, SysfsFile> kept = new HashMap<>();
  private @Nullable SysfsFile beforeRemoval;

  TypeOperations(RecordedSystem system) {
    this.system = system;
  }

  void addTo(Map<String, Operation> operations) {
    operations.put("write_type", Operation.returning(this::write));
    operations.put("write_type_fd", Operation.returning(this::writeThroughFd));
    operations.put("read_type_fd", this::readThroughFd);
    operations.put("write_type_as", this::writeAs);
    operations.put("write_other", Operation.returning(this::writeOther));
    operations.put("access", Operation.returning(this::access));
    operations.put("stale_fd_write", Operation.returning(this::writeStale));
    operations.put("stale_fd_read", Operation.returning(this::readStale));
  }

  /** The type file of the named group, or else of the one that the device is in. */
  private String path(TranscriptRecord record) {
    Optional<Integer> group = system.subjectGroup(record);
    if (group.isEmpty()) {
      throw new IommuException(Errno.ENOENT, record.args().text("role", "?") + " has no group");
    }
    return RecordedSystem.directory(group.get()) + "/type";
  }

  /** The exact bytes: a long value is recorded by its beginning, the rest repeats its end. */
  static byte[] bytes(Fields args) {
    byte[] value = args.text("value", "").getBytes(StandardCharsets.UTF_8);
    int length = Math.min(args.number("len", value.length), MAX_LENGTH);
    byte[] all = Arrays.copyOf(value, length);
    if (value.length > 0 && length > value.length) {
      Arrays.fill(all, value.length, length, value[value.length - 1]);
    }
    return all;
  }

  private long write(TranscriptRecord record) {
    try (SysfsFile file = system.root().open(path(record), OpenFlag.WRITE)) {
      return file.write(ByteBuffer.wrap(bytes(record.args())));
    }
  }

  private long writeThroughFd(TranscriptRecord record) {
    String how = record.args().text("how", "");
    byte[] value = record.args().has("value") ? bytes(record.args()) : new byte[] {'D', 'M', 'A'};
    if (how.contains("O_RDONLY")) {
      try (SysfsFile file = system.root().open(path(record), OpenFlag.READ)) {
        return file.write(ByteBuffer.wrap(value));
      }
    }
    if (how.contains("O_")) {
      try (SysfsFile file =
          system.root().open(path(record), OpenFlag.WRITE, OpenFlag.TRUNCATE, OpenFlag.APPEND)) {
        return file.write(ByteBuffer.wrap(value));
      }
    }
    SysfsFile file = kept(record);
    Matcher offset = OFFSET.matcher(how);
    return offset.find()
        ? file.pwrite(ByteBuffer.wrap(value), Long.parseLong(offset.group(1)))
        : file.write(ByteBuffer.wrap(value));
  }

  /** Several records use one descriptor. */
  private SysfsFile kept(TranscriptRecord record) {
    String path = path(record);
    return kept.computeIfAbsent(
        path, opened -> system.root().open(opened, OpenFlag.READ, OpenFlag.WRITE));
  }

  private void readThroughFd(TranscriptRecord record, Findings findings) {
    Matcher how = PREAD.matcher(record.args().text("how", "pread 4096@0"));
    boolean partial = how.find();
    int count = partial ? Integer.parseInt(how.group(1)) : SysfsFile.PAGE;
    long offset = partial ? Long.parseLong(how.group(2)) : 0;
    Operation.compare(
        record,
        findings,
        () -> {
          try (SysfsFile file = system.root().open(path(record), OpenFlag.READ)) {
            String got = file.pread(count, offset);
            record.args().text("got").ifPresent(text -> findings.check("text", text, got));
            return got.length();
          }
        });
  }

  /** The record says how reading, opening and writing ended, each on its own. */
  private void writeAs(TranscriptRecord record, Findings findings) {
    RecordedCaller who = RecordedCaller.of(record.args());
    SysfsProcess process = system.tree().as(who.caller());
    String path = path(record);
    long read =
        Operation.attempt(
            () -> {
              var unused = process.readString(path);
              return 0;
            });
    expect(record, findings, "read", read);
    SysfsFile[] opened = new SysfsFile[1];
    long open =
        Operation.attempt(
            () -> {
              SysfsProcess opener = who.openedByRoot() ? system.tree().as(Caller.ROOT) : process;
              opened[0] = opener.open(path, OpenFlag.WRITE).handedTo(who.caller());
              return 0;
            });
    expect(record, findings, "open", open);
    if (open < 0) {
      record.ret().ifPresent(expected -> findings.checkReturn(expected, open));
      record.args().text("write").ifPresent(text -> findings.check("write", text, DENIED));
      return;
    }
    try (SysfsFile file = opened[0]) {
      long written =
          Operation.compare(
              record, findings, () -> file.write(ByteBuffer.wrap(bytes(record.args()))));
      expect(record, findings, "write", written);
    }
  }

  private static void expect(TranscriptRecord record, Findings findings, String what, long actual) {
    String shown = actual >= 0 ? "ok" : Findings.describe(actual);
    record.args().text(what).ifPresent(expected -> findings.check(what, expected, shown));
  }

  private long writeOther(TranscriptRecord record) {
    try (SysfsFile file = system.root().open(record.args().text("path", "/"), OpenFlag.WRITE)) {
      return file.write("DMA");
    }
  }

  private long access(TranscriptRecord record) {
    system.root().access(record.args().text("path", "/"), false, false, false);
    return 0;
  }

  // ---- handles that outlive their group ----

  /** Before a device goes, somebody has the type file of its group open. */
  void keepHandle(String address) {
    Optional<Integer> group = system.groupOf(address);
    if (group.isPresent()) {
      beforeRemoval =
          system
              .root()
              .open(RecordedSystem.directory(group.get()) + "/type", OpenFlag.READ, OpenFlag.WRITE);
    }
  }

  private SysfsFile stale() {
    if (beforeRemoval == null) {
      throw new IommuException(Errno.EBADF, "nothing was open before a removal");
    }
    return beforeRemoval;
  }

  private long writeStale(TranscriptRecord record) {
    return stale().write(ByteBuffer.wrap(bytes(record.args())));
  }

  private long readStale(TranscriptRecord record) {
    return stale().pread(SysfsFile.PAGE, 0).length();
  }
}
