package org.iommu4j.cli.shell;

import java.io.PrintWriter;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.sysfs.SysfsProcess;

/** What the commands of one shell share. */
final class Session {
  private final SysfsProcess process;
  private final PrintWriter err;
  private final Look look;
  private final StringBuilder output = new StringBuilder();
  private boolean stopAtFailure;
  private boolean ended;
  private int status;
  private String where = "sh";

  /**
   * How things are shown.
   *
   * @param unicode whether lines may be drawn
   * @param width columns of a terminal; 0 if there is none, then every name gets a line
   */
  record Look(boolean unicode, int width) {}

  Session(SysfsProcess process, PrintWriter err, Look look) {
    this.process = process;
    this.err = err;
    this.look = look;
  }

  SysfsProcess process() {
    return process;
  }

  Look look() {
    return look;
  }

  /** Says something to whoever reads the output. */
  void print(String text) {
    output.append(text);
  }

  void println(String text) {
    output.append(text).append('\n');
  }

  /** The output since the last time. */
  String takeOutput() {
    String taken = output.toString();
    output.setLength(0);
    return taken;
  }

  /** What stands before complaints of the shell itself. */
  void where(String line) {
    where = line;
  }

  /** A complaint of the shell itself, not of a program that it runs. */
  void complainHere(String message) {
    complain(where + ": " + message);
  }

  void complain(String message) {
    err.println(message);
    err.flush();
  }

  /** The reason of a refusal as strerror(3) says it. */
  static String reason(IommuException refused) {
    return refused.errno().text();
  }

  boolean stopsAtFailure() {
    return stopAtFailure;
  }

  void stopAtFailure(boolean stop) {
    stopAtFailure = stop;
  }

  /** The status of the last command. */
  int status() {
    return status;
  }

  void status(int last) {
    status = last;
  }

  boolean hasEnded() {
    return ended;
  }

  void end() {
    ended = true;
  }
}
