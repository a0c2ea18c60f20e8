package org.iommu4j.cli.shell;

import java.io.IOException;
import java.nio.file.Path;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Reads lines from a person at a terminal, with history and completion. */
public final class Prompt implements AutoCloseable {
  private final Terminal terminal;

  /**
   * Takes the terminal of the program.
   *
   * @throws IOException if there is none
   */
  public Prompt() throws IOException {
    terminal = TerminalBuilder.builder().system(true).dumb(true).build();
  }

  /** For tests: takes any terminal. */
  Prompt(Terminal terminal) {
    this.terminal = terminal;
  }

  /**
   * The terminal's width.
   *
   * @return columns, at least 20
   */
  public int width() {
    return Math.max(20, terminal.getWidth());
  }

  /**
   * Runs lines until the person ends it.
   *
   * @param shell runs them
   * @param name of the machine, for the prompt
   * @param mark {@code #} or {@code $}
   * @param history where the lines of earlier sessions are
   */
  public void run(Shell shell, String name, String mark, Path history) {
    // A backslash escapes only what it stands before in the shell itself.
    DefaultParser parser = new DefaultParser();
    parser.setEofOnUnclosedQuote(false);
    LineReader reader =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .parser(parser)
            .completer(new PathCompleter(shell))
            .variable(LineReader.HISTORY_FILE, history)
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .build();
    boolean going = true;
    while (going) {
      try {
        String prompt = name + ":" + shell.process().workingDirectory() + mark + " ";
        going = shell.run(reader.readLine(prompt), "sh");
      } catch (UserInterruptException interrupted) {
        // A new line, as in any shell.
      } catch (EndOfFileException end) {
        going = false;
      }
    }
  }

  @Override
  public void close() throws IOException {
    terminal.close();
  }
}
