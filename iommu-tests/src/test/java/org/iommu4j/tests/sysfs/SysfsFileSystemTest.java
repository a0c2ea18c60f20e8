package org.iommu4j.tests.sysfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.ClosedFileSystemException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.testkit.sysfs.ErrnoCarrier;
import org.iommu4j.testkit.sysfs.SysfsException;
import org.iommu4j.testkit.sysfs.SysfsFileSystem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The tree as {@link Files} sees it. */
class SysfsFileSystemTest {
  private static final String NIC = SysfsRig.NIC;

  private final SysfsRig rig = new SysfsRig();
  private final Path group = path(rig.group(NIC));
  private final Path type = group.resolve("type");

  @AfterEach
  void close() {
    rig.close();
  }

  private Path path(String text) {
    return rig.files.getPath(text);
  }

  private void unbind() throws IOException {
    Files.writeString(path("/sys/bus/pci/drivers/igb/unbind"), NIC);
  }

  private static void refused(
      Errno errno, Class<? extends IOException> type, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(type)
        .satisfies(thrown -> assertThat(ErrnoCarrier.of(thrown)).hasValue(errno));
  }

  // ---- reading and writing ----

  @Test // CORE-805, CORE-806
  void filesAreReadAndWritten() throws IOException {
    unbind();
    assertThat(Files.readString(type)).isEqualTo("DMA-FQ\n");
    Files.writeString(type, "DMA");
    assertThat(Files.readAllLines(type)).containsExactly("DMA");
    Files.write(type, List.of("identity"));
    assertThat(new String(Files.readAllBytes(type), StandardCharsets.UTF_8))
        .isEqualTo("identity\n");
    try (Stream<String> lines = Files.lines(type)) {
      assertThat(lines).containsExactly("identity");
    }
    try (var reader = Files.newBufferedReader(type)) {
      assertThat(reader.readLine()).isEqualTo("identity");
    }
    try (var writer = Files.newBufferedWriter(type)) {
      writer.write("auto");
    }
    assertThat(Files.readString(type)).isEqualTo("DMA-FQ\n");
  }

  static Stream<List<OpenOption>> waysToOpen() {
    return Stream.of(
        List.of(StandardOpenOption.WRITE),
        List.of(StandardOpenOption.APPEND),
        List.of(StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING),
        List.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.SYNC),
        List.of(StandardOpenOption.WRITE, StandardOpenOption.DSYNC, StandardOpenOption.SPARSE),
        List.of(StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
  }

  @ParameterizedTest
  @MethodSource("waysToOpen")
  void howAFileIsOpenedForWritingDoesNotMatter(List<OpenOption> options) throws IOException {
    unbind();
    Files.writeString(type, "identity", options.toArray(OpenOption[]::new));
    assertThat(Files.readString(type)).isEqualTo("identity\n");
  }

  @Test // CORE-205
  void aRefusalCarriesItsErrno() {
    assertThatExceptionOfType(SysfsException.class)
        .isThrownBy(() -> Files.writeString(type, "identity"))
        .withMessage(type + ": Operation not permitted")
        .satisfies(
            refusal -> {
              assertThat(refusal.errno()).isEqualTo(Errno.EPERM);
              assertThat(refusal.getFile()).isEqualTo(type.toString());
              assertThat(refusal).hasCauseInstanceOf(org.iommu4j.api.IommuException.class);
            });
    refused(Errno.EINVAL, SysfsException.class, () -> Files.writeString(type, "nonsense"));
    assertThat(ErrnoCarrier.of(new IOException("x"))).isEqualTo(Optional.empty());
  }

  @Test
  void refusalsAreTheExceptionsThatCallersExpect() {
    Path missing = type.resolveSibling("nosuch");
    refused(Errno.ENOENT, NoSuchFileException.class, () -> Files.readString(missing));
    refused(Errno.EACCES, AccessDeniedException.class, () -> Files.writeString(missing, "x"));
    refused(
        Errno.EACCES,
        AccessDeniedException.class,
        () -> Files.writeString(type.resolveSibling("reserved_regions"), "x"));
    refused(
        Errno.EEXIST,
        FileAlreadyExistsException.class,
        () -> Files.writeString(type, "DMA", StandardOpenOption.CREATE_NEW));
    refused(Errno.ENOTDIR, NotDirectoryException.class, () -> Files.list(type).close());
    refused(Errno.EINVAL, NotLinkException.class, () -> Files.readSymbolicLink(type));
    refused(Errno.EISDIR, SysfsException.class, () -> Files.readString(group));
    refused(
        Errno.ELOOP,
        FileSystemLoopException.class,
        () ->
            Files.newByteChannel(
                path(rig.device(NIC)), StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
    refused(Errno.ENOTDIR, IOException.class, () -> Files.readString(type.resolve("x")));
  }

  @Test // CORE-200
  void rightsAreThoseOfTheCaller() throws IOException {
    unbind();
    SysfsFileSystem users = rig.files.as(Caller.UNPRIVILEGED);
    Path theirs = users.getPath(type.toString());
    assertThat(Files.readString(theirs)).isEqualTo("DMA-FQ\n");
    refused(Errno.EACCES, AccessDeniedException.class, () -> Files.writeString(theirs, "DMA"));
    assertThat(Files.isWritable(theirs)).isFalse();
    assertThat(Files.isReadable(theirs)).isTrue();
    assertThat(Files.isWritable(type)).isTrue();
    assertThat(Files.isExecutable(type)).isFalse();
    SysfsFileSystem powerless = rig.files.as(new Caller(false, false));
    Path opened = powerless.getPath(type.toString());
    refused(Errno.EACCES, AccessDeniedException.class, () -> Files.writeString(opened, "DMA"));
    try (FileChannel channel = FileChannel.open(opened, StandardOpenOption.WRITE)) {
      assertThat(channel.write(ByteBuffer.allocate(0))).isZero();
    }
  }

  // ---- channels ----

  @Test
  void aChannelHasPositions() throws IOException {
    unbind();
    try (SeekableByteChannel channel =
        Files.newByteChannel(type, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      assertThat(channel.size()).isEqualTo(4096);
      ByteBuffer text = ByteBuffer.allocate(3);
      assertThat(channel.read(text)).isEqualTo(3);
      assertThat(channel.position()).isEqualTo(3);
      assertThat(channel.position(1).read(text.clear())).isEqualTo(3);
      assertThat(text.array()).asString().isEqualTo("MA-");
      assertThat(channel.position(100).read(text.clear())).isEqualTo(-1);
      channel.truncate(0).position(0);
      assertThat(channel.write(ByteBuffer.wrap("DMA".getBytes(StandardCharsets.UTF_8))))
          .isEqualTo(3);
      assertThat(channel.position()).isEqualTo(3);
      channel.close();
      assertThatExceptionOfType(ClosedChannelException.class).isThrownBy(channel::position);
    }
    assertThat(Files.readString(type)).isEqualTo("DMA\n");
  }

  @Test
  void aFileChannelReadsAndWritesAnywhere() throws IOException {
    unbind();
    try (FileChannel channel =
        FileChannel.open(type, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer two = ByteBuffer.allocate(2);
      assertThat(channel.read(two, 1)).isEqualTo(2);
      assertThat(two.array()).asString().isEqualTo("MA");
      assertThat(channel.position()).isZero();
      ByteBuffer[] parts = {bytes("iden"), bytes("tity")};
      assertThat(channel.write(parts)).isEqualTo(8);
      assertThat(parts[1].hasRemaining()).isFalse();
      ByteBuffer[] into = {ByteBuffer.allocate(3), ByteBuffer.allocate(20)};
      assertThat(channel.position(0).read(into)).isEqualTo(9);
      assertThat(into[0].array()).asString().isEqualTo("ide");
      assertThat(channel.write(bytes("DMA"), 77)).isEqualTo(3);
      channel.force(true);
      refused(
          Errno.ENODEV,
          SysfsException.class,
          () -> channel.map(FileChannel.MapMode.READ_ONLY, 0, 1));
      refused(Errno.ENOLCK, SysfsException.class, channel::tryLock);
    }
    try (FileChannel reader = FileChannel.open(type)) {
      assertThatExceptionOfType(NonWritableChannelException.class)
          .isThrownBy(() -> reader.write(bytes("x")));
    }
    try (FileChannel writer = FileChannel.open(type, StandardOpenOption.WRITE)) {
      assertThatExceptionOfType(NonReadableChannelException.class)
          .isThrownBy(() -> writer.read(ByteBuffer.allocate(1)));
    }
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test // CORE-027
  void aChannelOfAGroupThatIsGoneCarriesEnodev() throws IOException {
    try (FileChannel channel = FileChannel.open(type, StandardOpenOption.READ)) {
      Files.writeString(path(rig.device(NIC) + "/remove"), "1");
      Files.writeString(path("/sys/bus/pci/rescan"), "1");
      assertThat(Files.readString(type)).isEqualTo("DMA-FQ\n");
      refused(Errno.ENODEV, SysfsException.class, () -> channel.read(ByteBuffer.allocate(9)));
    }
  }

  // ---- directories, links, walks ----

  @Test
  void directoriesAreListed() throws IOException {
    try (Stream<Path> entries = Files.list(group)) {
      assertThat(entries.map(entry -> entry.getFileName().toString()))
          .containsExactlyInAnyOrder("devices", "reserved_regions", "type");
    }
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(path("/sys/bus/pci/devices"), "0000:00:*")) {
      assertThat(entries)
          .containsExactlyInAnyOrder(
              path(rig.device(SysfsRig.PORT)), path(rig.device("0000:00:02.0")));
      assertThatThrownBy(entries::iterator).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void linksAreReadAndFollowed() throws IOException {
    Path link = path(rig.device(NIC) + "/iommu_group");
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(Files.isDirectory(link)).isTrue();
    assertThat(Files.isDirectory(link, LinkOption.NOFOLLOW_LINKS)).isFalse();
    assertThat(Files.readSymbolicLink(link).toString())
        .isEqualTo("../../../../kernel/iommu_groups/" + group.getFileName());
    assertThat(link.toRealPath()).isEqualTo(group);
    assertThat(link.resolveSibling(Files.readSymbolicLink(link)).toRealPath().getFileName())
        .isNotNull();
    assertThat(Files.isSameFile(link, group)).isTrue();
    assertThat(Files.isSameFile(link, type)).isFalse();
    assertThat(Files.exists(link.resolve("type"))).isTrue();
    assertThat(Files.exists(link.resolve("nosuch"))).isFalse();
    assertThat(Files.notExists(link.resolve("nosuch"))).isTrue();
  }

  @Test
  void theTreeIsWalked() throws IOException {
    try (Stream<Path> all = Files.walk(path("/"))) {
      List<Path> found = all.toList();
      assertThat(found).contains(type, path("/sys/bus/pci/rescan"), path(rig.device(NIC)));
      assertThat(found).doesNotHaveDuplicates();
    }
    try (Stream<Path> types =
        Files.find(path("/sys/kernel"), 9, (file, facts) -> file.endsWith("type"))) {
      assertThat(types).hasSize(3);
    }
  }

  @Test
  void aWalkAlongLinksNoticesLoops() throws IOException {
    try (Stream<Path> endless = Files.walk(group, FileVisitOption.FOLLOW_LINKS)) {
      assertThatExceptionOfType(UncheckedIOException.class)
          .isThrownBy(() -> endless.forEach(file -> assertThat(file).isNotNull()))
          .withCauseInstanceOf(FileSystemLoopException.class);
    }
  }

  // ---- attributes ----

  @Test
  void attributesAreThoseOfStat() throws IOException {
    PosixFileAttributes facts = Files.readAttributes(type, PosixFileAttributes.class);
    assertThat(facts.isRegularFile()).isTrue();
    assertThat(facts.size()).isEqualTo(4096);
    assertThat(PosixFilePermissions.toString(facts.permissions())).isEqualTo("rw-r--r--");
    assertThat(facts.owner().getName()).isEqualTo("root");
    assertThat(facts.group())
        .isEqualTo(rig.files.getUserPrincipalLookupService().lookupPrincipalByGroupName("root"));
    assertThat(Files.getOwner(type).getName()).isEqualTo("root");
    assertThat(Files.getLastModifiedTime(type)).isEqualTo(FileTime.fromMillis(0));
    assertThat(Files.readAttributes(type, "unix:mode,uid"))
        .containsEntry("mode", 0100644)
        .containsEntry("uid", 0);
    assertThat(Files.readAttributes(type, "*")).containsKeys("size", "isDirectory", "fileKey");
    assertThat(Files.getAttribute(type, "posix:permissions")).isEqualTo(facts.permissions());
    assertThat(
            Files.readAttributes(
                    path(rig.device(NIC)), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .isSymbolicLink())
        .isTrue();
    assertThatThrownBy(() -> Files.readAttributes(type, "basic:nosuch"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(Files.getFileStore(type).type()).isEqualTo("sysfs");
    assertThat(Files.isHidden(type)).isFalse();
  }

  // ---- what cannot be done ----

  @Test
  void nothingIsCreatedDeletedOrMoved(@TempDir Path elsewhere) throws IOException {
    Path fresh = type.resolveSibling("fresh");
    refused(Errno.EPERM, SysfsException.class, () -> Files.createDirectory(fresh));
    refused(Errno.EACCES, AccessDeniedException.class, () -> Files.createFile(fresh));
    refused(Errno.EPERM, SysfsException.class, () -> Files.createSymbolicLink(fresh, type));
    refused(Errno.EPERM, SysfsException.class, () -> Files.createLink(fresh, type));
    refused(Errno.EEXIST, FileAlreadyExistsException.class, () -> Files.createDirectory(type));
    refused(
        Errno.ENOENT,
        NoSuchFileException.class,
        () -> Files.createDirectory(fresh.resolve("further")));
    refused(Errno.EPERM, SysfsException.class, () -> Files.delete(type));
    refused(Errno.ENOENT, NoSuchFileException.class, () -> Files.delete(fresh));
    assertThat(Files.deleteIfExists(fresh)).isFalse();
    refused(Errno.EPERM, SysfsException.class, () -> Files.move(type, fresh));
    refused(Errno.EPERM, SysfsException.class, () -> Files.copy(type, fresh));
    refused(
        Errno.EPERM,
        SysfsException.class,
        () -> Files.copy(type, type.resolveSibling("x"), StandardCopyOption.REPLACE_EXISTING));
    refused(
        Errno.EPERM,
        SysfsException.class,
        () -> Files.setLastModifiedTime(type, FileTime.fromMillis(1)));
    refused(
        Errno.EPERM,
        SysfsException.class,
        () -> Files.setPosixFilePermissions(type, PosixFilePermissions.fromString("rwxrwxrwx")));
    assertThatIOException()
        .isThrownBy(() -> Files.createTempFile(group, "a", "b"))
        .satisfies(thrown -> assertThat(ErrnoCarrier.of(thrown)).hasValue(Errno.EACCES));
  }

  @Test
  @Timeout(60)
  void copyingOutOfTheTreeIsReading(@TempDir Path elsewhere) throws IOException {
    Path copy = elsewhere.resolve("type");
    Files.copy(type, copy);
    assertThat(copy).hasContent("DMA-FQ");
    try (FileChannel in = FileChannel.open(type);
        FileChannel out =
            FileChannel.open(
                elsewhere.resolve("b"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      assertThat(in.size()).isEqualTo(4096);
      assertThat(in.transferTo(0, 4096, out)).isEqualTo(7);
      assertThat(in.transferTo(7, 4096, out)).isZero();
      assertThat(in.size()).isEqualTo(7);
    }
  }

  @Test
  void aClosedFileSystemAnswersNothing() {
    SysfsFileSystem closing = rig.files.as(Caller.ROOT);
    Path file = closing.getPath(type.toString());
    closing.close();
    assertThat(closing.isOpen()).isFalse();
    assertThatThrownBy(() -> Files.readString(file)).isInstanceOf(ClosedFileSystemException.class);
    assertThat(Files.exists(type)).isTrue();
  }

  @Test
  void pathsComeBackFromUris() {
    assertThat(rig.files.provider().getPath(type.toUri())).isEqualTo(type);
    assertThat(type.toUri()).hasScheme("sysfs");
  }
}
