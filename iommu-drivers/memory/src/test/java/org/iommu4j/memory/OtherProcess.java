package org.iommu4j.memory;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Another process that has the same file mapped, with nothing but the JDK: it shares no code with
 * the memory under test. It obeys lines on its standard input, one answer per line.
 */
public final class OtherProcess {
  private static final VarHandle WORD =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final FileChannel file;

  private OtherProcess(FileChannel file) {
    this.file = file;
  }

  /**
   * Answers until its input ends.
   *
   * @param args the file
   */
  public static void main(String[] args) throws IOException {
    try (FileChannel file =
            FileChannel.open(Path.of(args[0]), StandardOpenOption.READ, StandardOpenOption.WRITE);
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8)) {
      var other = new OtherProcess(file);
      String line = in.readLine();
      while (line != null) {
        String[] words = line.split(" ");
        out.println(other.obey(words[0], number(words[1]), number(words[2])));
        line = in.readLine();
      }
    }
  }

  private static long number(String hex) {
    return Long.parseUnsignedLong(hex, 16);
  }

  private String obey(String command, long offset, long argument) throws IOException {
    MappedByteBuffer page = file.map(FileChannel.MapMode.READ_WRITE, offset & -4096L, 4096);
    int at = (int) (offset & 4095);
    return switch (command) {
      case "read" -> Long.toHexString((long) WORD.getVolatile(page, at));
      case "write" -> write(page, at, argument);
      case "add" -> add(page, at, argument);
      case "answer" -> answer(page, at, argument);
      default -> throw new IllegalArgumentException(command);
    };
  }

  private static String write(MappedByteBuffer page, int at, long value) {
    WORD.setVolatile(page, at, value);
    return "written";
  }

  /** Adds 1 so many times. */
  private static String add(MappedByteBuffer page, int at, long times) {
    for (long i = 0; i < times; i++) {
      WORD.getAndAdd(page, at, 1L);
    }
    return "added";
  }

  /**
   * Plays ball: waits for 1, 3, 5... in the word, finds that number in the next word, puts its
   * square in the one after, and answers with 2, 4, 6...
   */
  private static String answer(MappedByteBuffer page, int at, long rounds) {
    for (long round = 1; round <= 2 * rounds; round += 2) {
      while ((long) WORD.getAcquire(page, at) != round) {
        Thread.onSpinWait();
        Thread.yield();
      }
      long seen = (long) WORD.get(page, at + 8);
      if (seen != round) {
        return "saw " + seen + " in round " + round;
      }
      WORD.set(page, at + 16, round * round);
      WORD.setRelease(page, at, round + 1);
    }
    return "answered";
  }
}
