package org.iommu4j.tests.sysfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.io.MoreFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.io.IOUtils;
import org.apache.commons.io.file.AccumulatorPathVisitor;
import org.apache.commons.io.file.Counters;
import org.apache.commons.io.file.CountingPathVisitor;
import org.apache.commons.io.file.PathUtils;
import org.iommu4j.api.Errno;
import org.iommu4j.testkit.sysfs.ErrnoCarrier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Apache Commons IO and Guava do not know that this is no real {@code /sys}. */
class ForeignCodeTest {
  private final SysfsRig rig = new SysfsRig();
  private final Path group = rig.files.getPath(rig.group(SysfsRig.NIC));
  private final Path type = group.resolve("type");

  @AfterEach
  void close() {
    rig.close();
  }

  // ---- Apache Commons IO ----

  @Test
  void commonsIoReadsAndWrites() throws IOException {
    assertThat(PathUtils.readString(type, StandardCharsets.UTF_8)).isEqualTo("DMA-FQ\n");
    PathUtils.writeString(
        rig.files.getPath("/sys/bus/pci/drivers/igb/unbind"), SysfsRig.NIC, StandardCharsets.UTF_8);
    PathUtils.writeString(type, "identity", StandardCharsets.UTF_8);
    try (var in = Files.newInputStream(type)) {
      assertThat(IOUtils.toString(in, StandardCharsets.UTF_8)).isEqualTo("identity\n");
    }
    try (var out = PathUtils.newOutputStream(type, false)) {
      out.write("DMA".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(PathUtils.readString(type, StandardCharsets.UTF_8)).isEqualTo("DMA\n");
  }

  @Test
  void commonsIoWalks() throws IOException {
    Counters.PathCounters counters =
        PathUtils.visitFileTree(CountingPathVisitor.withLongCounters(), group).getPathCounters();
    // The group and devices; type and reserved_regions, but no links.
    assertThat(counters.getDirectoryCounter().get()).isEqualTo(2);
    assertThat(counters.getFileCounter().get()).isEqualTo(2);
    AccumulatorPathVisitor all = AccumulatorPathVisitor.withLongCounters();
    PathUtils.visitFileTree(all, rig.files.getPath("/sys"));
    assertThat(all.getFileList()).contains(type).doesNotHaveDuplicates();
    assertThat(all.getDirList()).contains(group);
  }

  @Test
  void commonsIoComparesAndMeasures(@TempDir Path elsewhere) throws IOException {
    assertThat(PathUtils.isDirectory(group)).isTrue();
    assertThat(PathUtils.isRegularFile(type)).isTrue();
    assertThat(PathUtils.isEmptyDirectory(group)).isFalse();
    assertThat(PathUtils.sizeOf(type)).isEqualTo(4096);
    assertThat(PathUtils.fileContentEquals(type, group.resolve("../0/type"))).isTrue();
    PathUtils.copyFileToDirectory(type, elsewhere);
    assertThat(elsewhere.resolve("type")).hasContent("DMA-FQ");
    assertThat(PathUtils.isPosix(type)).isTrue();
    assertThatThrownBy(() -> PathUtils.deleteFile(type))
        .satisfies(thrown -> assertThat(ErrnoCarrier.of(thrown)).hasValue(Errno.EPERM));
  }

  // ---- Guava ----

  @Test
  void guavaReadsAndWrites() throws IOException {
    assertThat(MoreFiles.asCharSource(type, StandardCharsets.UTF_8).read()).isEqualTo("DMA-FQ\n");
    assertThat(MoreFiles.asCharSource(type, StandardCharsets.UTF_8).readFirstLine())
        .isEqualTo("DMA-FQ");
    assertThat(MoreFiles.asByteSource(type).sizeIfKnown().get()).isEqualTo(4096);
    MoreFiles.asCharSink(
            rig.files.getPath("/sys/bus/pci/drivers/igb/unbind"), StandardCharsets.UTF_8)
        .write(SysfsRig.NIC);
    MoreFiles.asCharSink(type, StandardCharsets.UTF_8, StandardOpenOption.WRITE).write("identity");
    assertThat(MoreFiles.asByteSource(type).read()).asString().isEqualTo("identity\n");
    assertThat(MoreFiles.equal(type, type)).isTrue();
  }

  @Test
  void guavaWalks() throws IOException {
    List<Path> below = new ArrayList<>();
    MoreFiles.fileTraverser().depthFirstPreOrder(group).forEach(below::add);
    assertThat(below)
        .containsExactlyInAnyOrder(
            group,
            group.resolve("devices"),
            group.resolve("devices").resolve(SysfsRig.NIC),
            group.resolve("reserved_regions"),
            type);
    assertThat(MoreFiles.listFiles(group)).hasSize(3);
    assertThat(MoreFiles.isDirectory().test(group.resolve("devices").resolve(SysfsRig.NIC)))
        .isTrue();
    assertThat(
            MoreFiles.isDirectory(LinkOption.NOFOLLOW_LINKS)
                .test(group.resolve("devices").resolve(SysfsRig.NIC)))
        .isFalse();
    assertThat(MoreFiles.getNameWithoutExtension(rig.files.getPath("/sys/0000:00:01.0")))
        .isEqualTo("0000:00:01");
  }

  @Test
  void guavaIsRefusedWithTheErrno() {
    assertThatThrownBy(() -> MoreFiles.asCharSink(type, StandardCharsets.UTF_8).write("identity"))
        .satisfies(thrown -> assertThat(ErrnoCarrier.of(thrown)).hasValue(Errno.EPERM));
    assertThatThrownBy(() -> MoreFiles.deleteRecursively(group)).isInstanceOf(IOException.class);
  }
}
