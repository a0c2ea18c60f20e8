package org.iommu4j.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every memory does that is a file. */
public abstract class FileMemoryContract extends PhysicalMemoryContract {
  private static final long GIB = 1L << 30;

  /** A guest with 8 GiB less a bit: 2 GiB below the hole, the rest from 4 GiB on. */
  private static final FileLayout PC =
      FileLayout.builder().range(0, 2 * GIB).range(4 * GIB, 5 * GIB + 0x5000).build();

  @TempDir Path folder;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private int files;

  protected abstract PhysicalMemory open(Path file, FileLayout layout) throws IOException;

  protected abstract PhysicalMemory make(Path file, FileLayout layout) throws IOException;

  @Override
  protected PhysicalMemory create(long base, long bytes, long pageLimit) throws IOException {
    Path file = folder.resolve("memory" + files++);
    return created(file, FileLayout.builder().range(base, bytes).pageLimit(pageLimit).build());
  }

  private PhysicalMemory created(Path file, FileLayout layout) throws IOException {
    return closedLater(make(file, layout));
  }

  private PhysicalMemory reopened(Path file, FileLayout layout) throws IOException {
    return closedLater(open(file, layout));
  }

  private PhysicalMemory closedLater(PhysicalMemory memory) {
    opened.add((AutoCloseable) memory);
    return memory;
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
  }

  @Test
  void wordsAreLittleEndianAtTheirPlaceInTheFile() throws IOException {
    Path file = folder.resolve("ram");
    FileLayout layout =
        FileLayout.builder().range(0x4000_0000, 0x3000, 0x2000).range(0x8000, 0x1000).build();
    assertThat(layout.fileSize()).isEqualTo(0x6000);
    PhysicalMemory memory = created(file, layout);
    memory.write(0x4000_1008, 0x0102_0304_0506_0708L);
    memory.writeRelease(0x8010, -2);
    memory.fillRising(0x4000_2000, 100, 7, 12);
    try (FileChannel raw = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer bytes = ByteBuffer.allocate(0x6000).order(ByteOrder.LITTLE_ENDIAN);
      assertThat(raw.read(bytes)).isEqualTo(0x6000);
      assertThat(bytes.get(0x3008)).isEqualTo((byte) 8);
      assertThat(bytes.getLong(0x3008)).isEqualTo(0x0102_0304_0506_0708L);
      assertThat(bytes.getLong(0x5010)).isEqualTo(-2);
      assertThat(bytes.getLong(0x4000 + 99 * 8)).isEqualTo(7 + (99 << 12));
    }
  }

  /** 5 GiB and more, of which a few pages take space; every border of the map is crossed. */
  @Test
  void largeFilesAreSparse() throws IOException {
    Path file = folder.resolve("large");
    PhysicalMemory memory = created(file, PC);
    assertThat(Files.size(file)).isEqualTo(7 * GIB + 0x5000);
    for (long border : new long[] {GIB, 5 * GIB, 6 * GIB, 7 * GIB, 8 * GIB, 9 * GIB}) {
      memory.fillRising(border - 80, 600, border, 12);
      assertThat(memory.leadingMarked(border - 80, 600, -1)).isEqualTo(600);
      memory.clear(border - 80, 5);
      assertThat(memory.leadingZeroes(border - 80, 600)).isEqualTo(5);
      assertThat(memory.read(border - 8)).isEqualTo(border + (9L << 12));
      assertThat(memory.readAcquire(border)).isEqualTo(border + (10L << 12));
      assertThat(memory.compareAndSet(border + 589 * 8, border + (599L << 12), 1)).isTrue();
      memory.fill(border - 40, 40, 3);
      assertThat(memory.read(border + 35 * 8 - 8)).isEqualTo(3);
      assertThat(memory.read(border + 35 * 8)).isEqualTo(border + (45L << 12));
    }
    assertThat(kibibytes(file)).isLessThan(16 << 10);
  }

  /** What the file takes of the disk, which Java does not tell. */
  private static long kibibytes(Path file) throws IOException {
    Process du = new ProcessBuilder("du", "-k", file.toString()).start();
    try (BufferedReader out = du.inputReader(StandardCharsets.UTF_8)) {
      return Long.parseLong(out.readLine().split("\\s")[0]);
    }
  }

  @Test
  void theHoleIsNoMemory() throws IOException {
    PhysicalMemory memory = created(folder.resolve("pc"), PC);
    long above = 4 * GIB;
    long end = 9 * GIB + 0x5000;
    memory.write(2 * GIB - 8, 1);
    memory.write(above, 2);
    assertThat(memory.read(2 * GIB - 8)).isEqualTo(1);
    assertThat(memory.read(above)).isEqualTo(2);
    assertRefused(Errno.EFAULT, () -> memory.read(2 * GIB));
    assertRefused(Errno.EFAULT, () -> memory.write(above - 8, 1));
    assertRefused(Errno.EFAULT, () -> memory.read(end));
    assertRefused(Errno.EFAULT, () -> memory.fill(2 * GIB - 80, 20, 1));
    assertThatThrownBy(() -> memory.read(3 * GIB))
        .hasMessage(
            "EFAULT: cannot read at 0xc0000000: outside the memory at 0x0+0x80000000,"
                + " 0x100000000+0x140005000");
    assertThat(memory.allocatePage()).isEqualTo(end - 0x1000);
  }

  @Test
  void tablesStayWhereTheyMay() throws IOException {
    FileLayout layout =
        FileLayout.builder()
            .range(0, 0x10000)
            .range(0x100000, 0x10000)
            .tables(0x4000, 0x2000)
            .build();
    PhysicalMemory memory = created(folder.resolve("tables"), layout);
    assertThat(memory.allocatePage()).isEqualTo(0x5000);
    assertThat(memory.allocatePage()).isEqualTo(0x4000);
    assertRefused(Errno.ENOMEM, memory::allocatePage);
    memory.write(0x100000, 9);
    assertThat(memory.read(0x100000)).isEqualTo(9);
  }

  @Test
  void adjacentRangesAreOneMemoryWhateverTheirPlaceInTheFile() throws IOException {
    FileLayout layout =
        FileLayout.builder().range(0x20000, 0x1000, 0x1000).range(0x21000, 0x1000, 0).build();
    PhysicalMemory memory = created(folder.resolve("swapped"), layout);
    memory.fillRising(0x20800, 512, 1, 1);
    assertThat(memory.leadingMarked(0x20800, 512, 1)).isEqualTo(512);
    assertThat(memory.read(0x21000)).isEqualTo(1 + (256 << 1));
    assertThat(memory.leadingZeroes(0x20000, 1024)).isEqualTo(256);
  }

  @Test
  void whatWasWrittenOutlivesTheMemory() throws Exception {
    Path file = folder.resolve("kept");
    FileLayout layout = FileLayout.of(BASE, SIZE);
    PhysicalMemory first = created(file, layout);
    first.fill(BASE, 100, 7);
    ((AutoCloseable) first).close();
    PhysicalMemory second = reopened(file, layout);
    assertThat(second.leadingMarked(BASE, 101, 7)).isEqualTo(100);
    assertThat(second.allocatedPages()).isZero();
  }

  @Test
  void filesThatDoNotFitAreRefused() throws IOException {
    Path file = folder.resolve("short");
    FileLayout layout = FileLayout.of(0, 0x2000);
    assertThatThrownBy(() -> open(file, layout)).isInstanceOf(NoSuchFileException.class);
    Files.write(file, new byte[0x1fff]);
    assertThatThrownBy(() -> open(file, layout))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("0x1fff")
        .hasMessageContaining("0x2000");
    assertThat(Files.size(file)).isEqualTo(0x1fff);
    assertThatThrownBy(() -> make(file, layout)).isInstanceOf(FileAlreadyExistsException.class);
  }

  @Test
  void aClosedMemoryIsGone() throws Exception {
    PhysicalMemory memory = create(BASE, SIZE, Integer.MAX_VALUE);
    long page = memory.allocatePage();
    ((AutoCloseable) memory).close();
    ((AutoCloseable) memory).close();
    assertRefused(Errno.ENODEV, () -> memory.read(BASE));
    assertRefused(Errno.ENODEV, () -> memory.write(BASE, 1));
    assertRefused(Errno.ENODEV, () -> memory.readAcquire(BASE));
    assertRefused(Errno.ENODEV, () -> memory.writeRelease(BASE, 1));
    assertRefused(Errno.ENODEV, () -> memory.compareAndSet(BASE, 0, 1));
    for (int count : new int[] {1, 600}) {
      assertRefused(Errno.ENODEV, () -> memory.fill(BASE, count, 1));
      assertRefused(Errno.ENODEV, () -> memory.fillRising(BASE, count, 1, 12));
      assertRefused(Errno.ENODEV, () -> memory.clear(BASE, count));
      assertRefused(Errno.ENODEV, () -> memory.leadingZeroes(BASE, count));
      assertRefused(Errno.ENODEV, () -> memory.leadingMarked(BASE, count, 1));
    }
    assertRefused(Errno.EFAULT, () -> memory.read(0));
    assertRefused(Errno.ENODEV, memory::allocatePage);
    assertThat(memory.allocatedPageAddresses()).containsExactly(page);
    memory.freePage(page);
    assertThat(memory.allocatedPages()).isZero();
  }

  /** A thread that is not told that the memory is closed is refused; the JVM lives. */
  @Test
  @Timeout(60)
  void closingUnderAReaderIsSafe() throws Exception {
    for (int round = 0; round < 20; round++) {
      PhysicalMemory memory = create(BASE, SIZE, Integer.MAX_VALUE);
      Thread reader =
          new Thread(
              () -> {
                memory.write(BASE + 8, 1);
                try {
                  while (true) {
                    memory.clear(BASE + 0x1000, 512);
                    memory.read(BASE);
                  }
                } catch (IommuException end) {
                  memory.allocatedPages();
                }
              });
      reader.start();
      await(memory, BASE + 8, 1);
      ((AutoCloseable) memory).close();
      reader.join();
    }
  }

  // Another process.

  /** A child, and the two ends of its pipe. */
  private record Child(Process process, PrintStream to, BufferedReader from)
      implements AutoCloseable {
    static Child of(Path file) throws Exception {
      Path classes =
          Path.of(OtherProcess.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xshare:auto",
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  classes.toString(),
                  OtherProcess.class.getName(),
                  file.toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      return new Child(
          process,
          new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8),
          process.inputReader(StandardCharsets.UTF_8));
    }

    void tell(String command, long offset, long argument) {
      to.println(command + " " + Long.toHexString(offset) + " " + Long.toHexString(argument));
    }

    String answer() throws IOException {
      return from.readLine();
    }

    String ask(String command, long offset, long argument) throws IOException {
      tell(command, offset, argument);
      return answer();
    }

    @Override
    public void close() throws Exception {
      to.close();
      boolean ended = process.waitFor(20, TimeUnit.SECONDS);
      process.destroyForcibly();
      assertThat(ended).as("the child ended by itself").isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0x5008, 5 * GIB + 0x4008})
  @Timeout(60)
  void anotherProcessSeesTheSameWords(long offset) throws Exception {
    Path file = folder.resolve("shared");
    PhysicalMemory memory = created(file, FileLayout.of(GIB, 5 * GIB + 0x5000));
    long at = GIB + offset;
    try (Child child = Child.of(file)) {
      memory.write(at, 0xdead_beefL);
      memory.fillRising(at + 0x100, 200, 0x1000, 12);
      assertThat(child.ask("read", offset, 0)).isEqualTo("deadbeef");
      assertThat(child.ask("read", offset + 0x100 + 199 * 8, 0)).isEqualTo("c8000");
      assertThat(child.ask("write", offset + 8, -7)).isEqualTo("written");
      assertThat(memory.read(at + 8)).isEqualTo(-7);
      memory.clear(at + 8, 300);
      assertThat(child.ask("read", offset + 8, 0)).isEqualTo("0");
      assertThat(child.ask("read", offset + 0x100, 0)).isEqualTo("0");
    }
  }

  /** Both add at the same time, and nothing is lost. */
  @Test
  @Timeout(60)
  void compareAndSetHoldsAgainstAnotherProcess() throws Exception {
    Path file = folder.resolve("counter");
    PhysicalMemory memory = created(file, FileLayout.of(BASE, SIZE));
    int each = 200_000;
    try (Child child = Child.of(file)) {
      assertThat(child.ask("add", 0x10, 1)).isEqualTo("added");
      child.tell("add", 0x10, each);
      for (int i = 0; i < each; i++) {
        add(memory, BASE + 0x10, 1);
      }
      assertThat(child.answer()).isEqualTo("added");
    }
    assertThat(memory.read(BASE + 0x10)).isEqualTo(1 + 2L * each);
  }

  /** Release and acquire carry plain words to another process and back. */
  @Test
  @Timeout(60)
  void releaseAndAcquireReachAnotherProcess() throws Exception {
    Path file = folder.resolve("ball");
    PhysicalMemory memory = created(file, FileLayout.of(BASE, SIZE));
    long rounds = 5_000;
    long flag = BASE + 0x3000;
    try (Child child = Child.of(file)) {
      child.tell("answer", 0x3000, rounds);
      for (long round = 1; round <= 2 * rounds; round += 2) {
        memory.write(flag + 8, round);
        memory.writeRelease(flag, round);
        await(memory, flag, round + 1);
        assertThat(memory.read(flag + 16)).isEqualTo(round * round);
      }
      assertThat(child.answer()).isEqualTo("answered");
    }
  }
}
