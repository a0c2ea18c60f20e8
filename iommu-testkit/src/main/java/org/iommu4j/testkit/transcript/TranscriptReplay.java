package org.iommu4j.testkit.transcript;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Replays transcripts: rebuilds the recorded machine, boots it with the recorded options, does what
 * the recorder did, and compares every answer and the state of every recorded group.
 *
 * <p>Every configuration has a machine of its own. After a difference the replay goes on from the
 * state of this library. Stateless, so thread-safe.
 */
public final class TranscriptReplay {
  private static final List<String> SUFFIXES = List.of(".jsonl", ".jsonl.gz");

  /** Creates a replay. */
  public TranscriptReplay() {}

  /**
   * Finds transcripts.
   *
   * @param paths files, taken as they are, and folders, searched for {@code *.jsonl} and {@code
   *     *.jsonl.gz}
   * @return the files, those of one folder in the order of their paths
   * @throws IOException if a path does not exist or cannot be read
   */
  public List<Path> find(Collection<Path> paths) throws IOException {
    List<Path> found = new ArrayList<>();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        found.addAll(below(path));
      } else if (Files.isReadable(path)) {
        found.add(path);
      } else {
        throw new NoSuchFileException(path.toString(), null, "no such file or folder");
      }
    }
    return found;
  }

  private static List<Path> below(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(TranscriptReplay::isTranscript).sorted().toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static boolean isTranscript(Path path) {
    return Files.isRegularFile(path) && SUFFIXES.stream().anyMatch(path.toString()::endsWith);
  }

  /**
   * Replays files.
   *
   * @param files plain or compressed by gzip, by their names
   * @param listener hears about everything, in order
   * @return the sums
   * @throws IOException if a file cannot be read
   */
  public TranscriptSummary run(Collection<Path> files, TranscriptListener listener)
      throws IOException {
    TranscriptSummary sum = TranscriptSummary.NOTHING;
    for (Path file : files) {
      Transcript.Reading reading = Transcript.read(file);
      reading.problems().forEach(listener::problem);
      for (Transcript transcript : reading.transcripts()) {
        sum = sum.plus(replay(transcript, listener));
      }
    }
    return sum;
  }

  private static TranscriptSummary replay(Transcript transcript, TranscriptListener listener) {
    TranscriptSummary summary;
    try (RecordedSystem system = new RecordedSystem(transcript)) {
      listener.begins(transcript.config(), system.description());
      summary = replay(transcript, new Player(transcript, system), listener);
    } catch (RuntimeException cannotBoot) {
      listener.problem(transcript.config() + ": the machine cannot be rebuilt: " + cannotBoot);
      summary = replay(transcript, null, listener);
    }
    listener.ends(summary);
    return summary;
  }

  private static TranscriptSummary replay(
      Transcript transcript, @Nullable Player player, TranscriptListener listener) {
    int stateRecords = 0;
    int compared = 0;
    int match = 0;
    SortedMap<String, Integer> notCompared = new TreeMap<>();
    for (TranscriptRecord record : transcript.records()) {
      stateRecords += Player.isNarrative(record) ? 0 : 1;
      Findings findings = player == null ? null : player.play(record);
      if (findings == null) {
        notCompared.merge(record.op(), 1, Integer::sum);
        continue;
      }
      compared++;
      if (findings.differences().isEmpty()) {
        match++;
      } else {
        listener.differs(mismatch(record, findings));
      }
    }
    return new TranscriptSummary(
        1, transcript.records().size(), stateRecords, compared, match, notCompared);
  }

  private static Mismatch mismatch(TranscriptRecord record, Findings findings) {
    String what =
        record.isDevice()
            ? record.op() + " " + record.fields().text("bdf", "?")
            : record.op() + " " + record.args().members();
    return new Mismatch(
        record.config(), record.scenario(), record.step(), what, findings.differences());
  }
}
