package org.iommu4j.cli.shell;

import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.IommuException;
import org.iommu4j.cli.shell.Statement.Word;
import org.iommu4j.core.sysfs.OpenFlag;
import org.iommu4j.core.sysfs.SysfsFile;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsTree;
import org.iommu4j.testkit.sysfs.SysfsFileSystem;
import org.jspecify.annotations.Nullable;

/** A shell on a sysfs tree: runs lines, remembers where it is and how the last one went. */
public final class Shell {
  private static final int NOT_FOUND = 127;

  private final Commands commands = new Commands();
  private final PrintWriter out;
  private final Session session;
  private final Wildcards wildcards;

  /**
   * Starts a shell in {@code /sys}.
   *
   * @param tree what it works on
   * @param caller with whose rights
   * @param out where output goes
   * @param err where complaints go
   * @param unicode whether lines may be drawn
   * @param width columns of the terminal, 0 if there is none
   */
  public Shell(
      SysfsTree tree, Caller caller, PrintWriter out, PrintWriter err, boolean unicode, int width) {
    SysfsProcess process = tree.as(caller);
    process.changeDirectory("/sys");
    this.out = out;
    this.session = new Session(process, err, new Session.Look(unicode, width));
    this.wildcards = new Wildcards(process, SysfsFileSystem.of(tree, caller));
  }

  /**
   * Lets the shell end at the first command that fails, as {@code set -e} does.
   *
   * @param stop false by default
   */
  public void stopAtFailure(boolean stop) {
    session.stopAtFailure(stop);
  }

  /**
   * Runs a line.
   *
   * @param line one or several commands
   * @param where what stands before complaints of the shell itself, for example {@code sh}
   * @return false if the shell has ended
   */
  public boolean run(String line, String where) {
    session.where(where);
    List<Statement> statements;
    try {
      statements = Lexer.parse(line);
    } catch (SyntaxError wrong) {
      session.complainHere("syntax error: " + wrong.getMessage());
      session.status(Command.USAGE);
      return !session.stopsAtFailure();
    }
    for (int i = 0; i < statements.size(); i++) {
      if (!statements.get(i).when().applies(session.status())) {
        continue;
      }
      session.status(run(statements.get(i)));
      // As in sh, what && or || looks at does not end the shell.
      boolean judged =
          i + 1 < statements.size() && statements.get(i + 1).when() != Statement.When.ALWAYS;
      if (session.hasEnded() || (session.status() != 0 && session.stopsAtFailure() && !judged)) {
        return false;
      }
    }
    return true;
  }

  /**
   * The status of the last command, with which the shell ends.
   *
   * @return 0 to 255
   */
  public int status() {
    return session.status();
  }

  SysfsProcess process() {
    return session.process();
  }

  Collection<String> commandNames() {
    return commands.names();
  }

  private int run(Statement statement) {
    List<String> words = new ArrayList<>();
    statement.words().forEach(word -> words.addAll(wildcards.expand(word)));
    Word target = statement.target();
    return target == null ? toScreen(words) : toFile(words, target);
  }

  private int toScreen(List<String> words) {
    int status = execute(words);
    out.print(session.takeOutput());
    out.flush();
    return status;
  }

  private int toFile(List<String> words, Word target) {
    List<String> paths = wildcards.expand(target);
    if (paths.size() > 1) {
      session.complainHere(target.text() + ": ambiguous redirect");
      return Command.FAILURE;
    }
    String path = paths.get(0);
    try (SysfsFile file =
        session.process().open(path, OpenFlag.WRITE, OpenFlag.CREATE, OpenFlag.TRUNCATE)) {
      int status = words.isEmpty() ? Command.SUCCESS : execute(words);
      return write(file, words, session.takeOutput()) ? status : Command.FAILURE;
    } catch (IommuException refused) {
      session.complainHere(path + ": " + Session.reason(refused));
      return Command.FAILURE;
    }
  }

  /** No output, no write; what one write leaves goes into the next, as with real programs. */
  private boolean write(SysfsFile file, List<String> words, String text) {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    try {
      while (bytes.hasRemaining()) {
        file.write(bytes);
      }
      return true;
    } catch (IommuException refused) {
      session.complainHere(words.get(0) + ": write error: " + Session.reason(refused));
      return false;
    }
  }

  private int execute(List<String> words) {
    @Nullable Command command = commands.find(words.get(0));
    if (command == null) {
      session.complainHere(words.get(0) + ": command not found");
      return NOT_FOUND;
    }
    return command.run(session, words.subList(1, words.size()));
  }
}
