package org.iommu4j.testkit.transcript;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The records of one configuration, in the order in which they were made.
 *
 * @param config its name
 * @param records never empty
 */
record Transcript(String config, List<TranscriptRecord> records) {
  private static final String GZIP = ".gz";

  /** What was found in a file, and which lines were no records. */
  record Reading(List<Transcript> transcripts, List<String> problems) {}

  static Reading read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file);
        InputStream plain = file.toString().endsWith(GZIP) ? new GZIPInputStream(in) : in;
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(plain, StandardCharsets.UTF_8))) {
      return read(lines, file.toString());
    } catch (IOException unreadable) {
      throw new IOException(file + ": " + unreadable.getMessage(), unreadable);
    }
  }

  private static Reading read(BufferedReader lines, String source) throws IOException {
    Map<String, List<TranscriptRecord>> byConfig = new LinkedHashMap<>();
    List<String> problems = new ArrayList<>();
    int number = 0;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      Map<String, @Nullable Object> members = parse(line);
      if (members == null) {
        problems.add(source + ":" + number + ": not a JSON object");
        continue;
      }
      TranscriptRecord record = new TranscriptRecord(new Fields(members));
      byConfig.computeIfAbsent(record.config(), unused -> new ArrayList<>()).add(record);
    }
    List<Transcript> transcripts = new ArrayList<>();
    byConfig.forEach((config, records) -> transcripts.add(new Transcript(config, records)));
    return new Reading(transcripts, problems);
  }

  private static @Nullable Map<String, @Nullable Object> parse(String line) {
    try {
      return Json.object(line);
    } catch (IOException malformed) {
      return null;
    }
  }
}
