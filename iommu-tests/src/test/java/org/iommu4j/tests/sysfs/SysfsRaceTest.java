package org.iommu4j.tests.sysfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsStat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Somebody looks at the tree while another one takes things out of it and puts them back. */
@Timeout(120)
class SysfsRaceTest {
  private static final int ROUNDS = 200;

  /** What a reader may hear of things that go while it looks. */
  private static final Set<Errno> GONE = EnumSet.of(Errno.ENOENT, Errno.ENODEV);

  private final SysfsRig rig = new SysfsRig();

  @AfterEach
  void close() {
    rig.close();
  }

  @Test
  void readersHearOfNothingWorseThanThatThingsAreGone()
      throws ExecutionException, InterruptedException, TimeoutException {
    AtomicBoolean over = new AtomicBoolean();
    CompletableFuture<Integer> reader =
        CompletableFuture.supplyAsync(
            () -> {
              int walks = 0;
              do {
                walk(rig.tree.as(Caller.ROOT), "/sys");
                walks++;
              } while (!over.get());
              return walks;
            });
    try {
      for (int round = 0; round < ROUNDS; round++) {
        String address = round % 2 == 0 ? SysfsRig.PORT : SysfsRig.NIC;
        rig.root.writeString(rig.device(address) + "/remove", "1");
        rig.root.writeString("/sys/bus/pci/rescan", "1");
      }
    } finally {
      over.set(true);
    }
    assertThat(reader.get(60, TimeUnit.SECONDS)).isPositive();
    assertThat(rig.root.list("/sys/bus/pci/devices"))
        .containsExactly(SysfsRig.PORT, SysfsRig.DISK, SysfsRig.NIC);
    assertThat(rig.linux.machine().core().violations()).isEmpty();
  }

  private static void walk(SysfsProcess process, String directory) {
    unlessGone(
        () -> {
          for (String name : process.list(directory)) {
            unlessGone(() -> look(process, directory + "/" + name));
          }
        });
  }

  private static void look(SysfsProcess process, String path) {
    SysfsStat stat = process.stat(path, false);
    switch (stat.kind()) {
      case DIRECTORY -> walk(process, path);
      case LINK -> {
        assertThat(process.readlink(path)).isNotEmpty();
        assertThat(process.stat(path, true).path()).startsWith("/sys/");
      }
      case FILE -> {
        if ((stat.mode() & 0400) != 0) {
          assertThat(process.readString(path)).isNotNull();
        }
      }
    }
  }

  private static void unlessGone(Runnable look) {
    try {
      look.run();
    } catch (IommuException refused) {
      assertThat(GONE).as(refused.getMessage()).contains(refused.errno());
    }
  }
}
