package org.iommu4j.core.sysfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the system calls answer, as recorded from Linux 7.3.4. */
class SystemCallTest {
  private static final String GROUP = "/sys/kernel/iommu_groups/0";
  private static final String TYPE = GROUP + "/type";

  @RegisterExtension final Rig rig = new Rig();

  private SysfsTree tree;
  private SysfsProcess root;

  @BeforeEach
  void boot() {
    rig.startWithGroup("a");
    tree = CoreSysfs.of(rig.core());
    root = tree.as(Caller.ROOT);
  }

  private SysfsFile open(OpenFlag... flags) {
    return root.open(TYPE, flags);
  }

  @ParameterizedTest // CORE-202
  @ValueSource(
      strings = {
        "DMA",
        "DMA\n",
        "DMA\0",
        "DMA\0identity",
        "DMA\n\0",
        "DMA\0\n",
        "",
        "identity",
        "auto"
      })
  void aWriteReturnsWhatItConsumed(String text) {
    try (SysfsFile type = open(OpenFlag.WRITE)) {
      assertThat(type.write(text)).isEqualTo(text.length());
    }
  }

  @ParameterizedTest // CORE-202
  @ValueSource(strings = {"\n", "\0", "DMA\n\n", " DMA", "DMA ", "dma", "identity\nDMA", "DMA\r\n"})
  void otherTextsAreRefused(String text) {
    try (SysfsFile type = open(OpenFlag.WRITE)) {
      Rig.refused(Errno.EINVAL, () -> type.write(text));
      assertThat(type.position()).isZero();
    }
  }

  @Test // CORE-202
  void aPageAtMostIsConsumed() {
    try (SysfsFile type = open(OpenFlag.WRITE)) {
      assertThat(type.write("identity\n" + "\0".repeat(8192 - 9))).isEqualTo(4096);
      Rig.refused(Errno.EINVAL, () -> type.write("A".repeat(5000)));
      Rig.refused(Errno.EINVAL, () -> type.write("DMA" + "\n".repeat(4093)));
      ByteBuffer page = ByteBuffer.allocate(5000).put(0, new byte[] {'D', 'M', 'A'});
      assertThat(type.write(page)).isEqualTo(4096);
      assertThat(page.remaining()).isEqualTo(904);
    }
    assertThat(root.readString(TYPE)).isEqualTo("DMA\n");
  }

  @Test // CORE-202: the offset is ignored
  void theOffsetOfAWriteDoesNotMatter() {
    try (SysfsFile type = open(OpenFlag.WRITE)) {
      assertThat(type.pwrite("identity", 4)).isEqualTo(8);
      assertThat(type.position()).isZero();
      assertThat(type.write("DMA")).isEqualTo(3);
      assertThat(type.position()).isEqualTo(3);
      assertThat(type.write("auto")).isEqualTo(4);
      Rig.refused(Errno.EINVAL, () -> type.pwrite("DMA", -1));
    }
    try (SysfsFile type = open(OpenFlag.WRITE, OpenFlag.TRUNCATE, OpenFlag.APPEND)) {
      assertThat(type.write("DMA")).isEqualTo(3);
    }
  }

  @Test // CORE-805
  void readsAreServedFromTheText() {
    try (SysfsFile type = open(OpenFlag.READ)) {
      assertThat(type.pread(2, 1)).isEqualTo("MA");
      assertThat(type.pread(10, 4)).isEmpty();
      assertThat(type.pread(10, 400)).isEmpty();
      assertThat(type.pread(10, 0)).isEqualTo("DMA\n");
      assertThat(type.position()).isZero();
      ByteBuffer one = ByteBuffer.allocate(1);
      assertThat(type.read(one)).isEqualTo(1);
      type.seek(2);
      assertThat(type.read(one.clear())).isEqualTo(1);
      assertThat(one.get(0)).isEqualTo((byte) 'A');
      assertThat(type.position()).isEqualTo(3);
      assertThat(type.read(ByteBuffer.allocate(0))).isZero();
      Rig.refused(Errno.EINVAL, () -> type.pread(1, -1));
      Rig.refused(Errno.EINVAL, () -> type.seek(-1));
    }
  }

  @Test // CORE-805: a text that is read in pieces is one text
  void aReadThatGoesOnDoesNotSeeAChange() {
    try (SysfsFile type = open(OpenFlag.READ)) {
      ByteBuffer two = ByteBuffer.allocate(2);
      type.read(two);
      root.writeString(TYPE, "identity");
      type.read(two.clear());
      assertThat(two.array()).asString().isEqualTo("A\n");
      assertThat(type.read(two.clear())).isZero();
      type.seek(0);
      type.read(two.clear());
      assertThat(two.array()).asString().isEqualTo("id");
      assertThat(type.pread(3, 2)).isEqualTo("ent");
    }
  }

  @Test // CORE-800, CORE-027: the handle is bound to the group, not to its number
  void aHandleOfAGroupThatIsGoneAnswersEnodev() {
    SysfsFile type = open(OpenFlag.READ, OpenFlag.WRITE);
    SysfsFile begun = open(OpenFlag.READ);
    begun.read(ByteBuffer.allocate(1));
    SysfsFile regions = root.open(GROUP + "/reserved_regions");
    rig.core().removeDevice(rig.device("a"));
    Rig.refused(Errno.ENOENT, () -> root.access(GROUP, true, false, false));
    for (int round = 0; round < 2; round++) {
      Rig.refused(Errno.ENODEV, () -> type.write("DMA"));
      Rig.refused(Errno.ENODEV, () -> type.write(""));
      Rig.refused(Errno.ENODEV, () -> type.pread(10, 0));
      Rig.refused(Errno.ENODEV, () -> regions.pread(10, 0));
      if (round == 0) {
        rig.add("b");
        assertThat(root.readString(TYPE)).isEqualTo("DMA\n");
      }
    }
    // What was left of the text can still be read.
    assertThat(begun.read(ByteBuffer.allocate(10))).isEqualTo(3);
    Rig.refused(Errno.ENODEV, () -> begun.read(ByteBuffer.allocate(10)));
  }

  /** Who, and what opening and writing answer; the recorded cases. */
  @ParameterizedTest(name = "uid {0} admin {1} rawio {2} dac {3}") // CORE-200
  @CsvSource({
    "0, true, true, true, ok, ok",
    "0, false, false, false, ok, EACCES",
    "0, true, false, true, ok, EACCES",
    "0, false, true, true, ok, EACCES",
    "0, true, true, false, ok, ok",
    "1000, false, false, false, EACCES, -",
    "1000, false, false, true, ok, EACCES",
    "1000, true, true, false, EACCES, -",
    "1000, true, true, true, ok, ok"
  })
  void rightsAreAskedAtOpenAndAtWrite(
      int uid, boolean admin, boolean rawIo, boolean dac, String open, String write) {
    SysfsProcess process = tree.as(new Caller(uid, admin, rawIo, dac));
    assertThat(process.readString(TYPE)).isEqualTo("DMA\n");
    if (open.equals("EACCES")) {
      Rig.refused(Errno.EACCES, () -> process.open(TYPE, OpenFlag.WRITE));
      return;
    }
    try (SysfsFile type = process.open(TYPE, OpenFlag.WRITE)) {
      assertThat(type.write("")).isZero();
      if (write.equals("ok")) {
        assertThat(type.write("identity")).isEqualTo(8);
      } else {
        Rig.refused(Errno.EACCES, () -> type.write("identity"));
        Rig.refused(Errno.EACCES, () -> type.write("bogus"));
      }
    }
  }

  @Test // CORE-200: whoever writes counts, not whoever opened
  void aHandleThatIsHandedOverHasTheRightsOfItsHolder() {
    try (SysfsFile type = open(OpenFlag.WRITE)) {
      SysfsFile given = type.handedTo(Caller.UNPRIVILEGED);
      Rig.refused(Errno.EACCES, () -> given.write("identity"));
      Rig.refused(Errno.EACCES, () -> given.write("DMA"));
      assertThat(given.write("")).isZero();
      SysfsFile capable = type.handedTo(new Caller(1000, true, true, false));
      assertThat(capable.write("identity")).isEqualTo(8);
      assertThat(type.position()).isEqualTo(8);
      given.close();
      assertThat(type.write("DMA")).isEqualTo(3);
    }
  }

  @Test // CORE-803, CORE-807
  void whatCannotBeOpened() {
    Rig.refused(Errno.EACCES, () -> root.open(GROUP + "/reserved_regions", OpenFlag.WRITE));
    Rig.refused(Errno.ENOENT, () -> root.open(GROUP + "/nosuch", OpenFlag.WRITE));
    Rig.refused(Errno.EACCES, () -> root.writeString(GROUP + "/nosuch", "x"));
    Rig.refused(Errno.ENOENT, () -> root.writeString(GROUP + "/nosuch/nosuch", "x"));
    Rig.refused(Errno.ENOTDIR, () -> root.writeString(TYPE + "/nosuch", "x"));
    Rig.refused(Errno.EISDIR, () -> root.open(GROUP, OpenFlag.WRITE));
    Rig.refused(Errno.EISDIR, () -> root.open(GROUP, OpenFlag.CREATE));
    Rig.refused(Errno.ENOTDIR, () -> root.open(TYPE + "/"));
    Rig.refused(Errno.EEXIST, () -> root.open(TYPE, OpenFlag.CREATE, OpenFlag.EXCLUSIVE));
    Rig.refused(Errno.ELOOP, () -> root.open("/sys/class/iommu/i0", OpenFlag.NO_FOLLOW));
    Rig.refused(Errno.ENOENT, () -> root.open(""));
    Rig.refused(Errno.ENAMETOOLONG, () -> root.open("x".repeat(256)));
    Rig.refused(Errno.ENAMETOOLONG, () -> root.open("/x".repeat(2048)));
    try (SysfsFile directory = root.open(GROUP)) {
      Rig.refused(Errno.EISDIR, () -> directory.pread(1, 0));
      Rig.refused(Errno.EBADF, () -> directory.write("x"));
    }
  }

  @Test
  void aHandleServesOnlyWhatItWasOpenedFor() {
    SysfsFile reader = open(OpenFlag.READ);
    Rig.refused(Errno.EBADF, () -> reader.write("DMA"));
    Rig.refused(Errno.EBADF, () -> reader.write(""));
    SysfsFile writer = open(OpenFlag.WRITE);
    Rig.refused(Errno.EBADF, () -> writer.pread(1, 0));
    writer.close();
    writer.close();
    Rig.refused(Errno.EBADF, () -> writer.write("DMA"));
    Rig.refused(Errno.EBADF, writer::position);
  }

  @Test // CORE-807
  void withoutReaderOrWriterItIsEio() {
    SysfsTree odd =
        SysfsTree.builder()
            .mount(
                "/odd",
                java.util.Map.of(
                    "mute",
                    SysfsAttribute.writeOnly((text, caller) -> {}).withMode(0644),
                    "deaf",
                    SysfsAttribute.readOnly(() -> "x\n").withMode(0666),
                    "shut",
                    SysfsAttribute.writeOnly((text, caller) -> {})))
            .build();
    SysfsProcess user = odd.as(Caller.UNPRIVILEGED);
    Rig.refused(Errno.EIO, () -> user.readString("/odd/mute"));
    Rig.refused(Errno.EIO, () -> user.writeString("/odd/deaf", "y"));
    assertThat(user.writeString("/odd/deaf", "")).isZero();
    Rig.refused(Errno.EACCES, () -> user.readString("/odd/shut"));
    Rig.refused(Errno.EACCES, () -> odd.as(Caller.ROOT).readString("/odd/shut"));
  }

  @Test
  void accessAsksThePermissionBitsOnly() {
    root.access(GROUP + "/reserved_regions", true, true, false);
    Rig.refused(Errno.EACCES, () -> root.access(TYPE, false, false, true));
    SysfsProcess user = tree.as(Caller.UNPRIVILEGED);
    user.access(TYPE, true, false, false);
    Rig.refused(Errno.EACCES, () -> user.access(TYPE, false, true, false));
    user.access(GROUP, true, false, true);
  }

  @Test
  void pathsAreWalkedAsTheKernelDoes() {
    assertThat(root.realpath("/sys/class/../kernel/./iommu_groups//0/")).isEqualTo(GROUP);
    assertThat(root.realpath("/../..")).isEqualTo("/");
    root.changeDirectory(GROUP);
    assertThat(root.workingDirectory()).isEqualTo(GROUP);
    assertThat(root.readString("type")).isEqualTo("DMA\n");
    assertThat(root.list("../0/devices")).containsExactly("a");
    root.changeDirectory("devices/a");
    assertThat(root.workingDirectory()).isEqualTo("/sys/devices/pci0000:00/a");
    assertThat(root.realpath("..")).isEqualTo("/sys/devices/pci0000:00");
    Rig.refused(Errno.ENOTDIR, () -> root.changeDirectory("iommu_group/type"));
    Rig.refused(Errno.EINVAL, () -> root.readlink("."));
    Rig.refused(Errno.ENOTDIR, () -> root.list(TYPE));
    assertThat(root.stat("iommu_group", false).kind()).isEqualTo(SysfsStat.Kind.LINK);
    assertThat(root.stat("iommu_group", true).kind()).isEqualTo(SysfsStat.Kind.DIRECTORY);
    assertThat(root.stat("iommu_group/", false).kind()).isEqualTo(SysfsStat.Kind.DIRECTORY);
  }

  @Test
  void linksInACircleAreRefused() {
    SysfsTree circle =
        SysfsTree.builder()
            .mount("/", java.util.Map.of("x", new SysfsLink("y"), "y", new SysfsLink("/x")))
            .build();
    Rig.refused(Errno.ELOOP, () -> circle.as(Caller.ROOT).stat("/x", true));
    assertThat(circle.as(Caller.ROOT).readlink("/x")).isEqualTo("y");
    assertThat(circle.as(Caller.ROOT).list("/")).isEqualTo(List.of("x", "y"));
  }

  @Test
  void ownersAreShownAsRefusals() {
    IommuGroup group = rig.group("a");
    rig.core().useDefaultDomain(rig.device("a"));
    Rig.refused(Errno.EPERM, () -> root.writeString(TYPE, "identity")); // CORE-205
    assertThat(root.writeString(TYPE, "DMA-FQ")).isEqualTo(6); // CORE-210
    rig.core().unuseDefaultDomain(rig.device("a"));
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
  }
}
