package org.iommu4j.cli.shell;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One command of a line.
 *
 * @param when whether it runs after the one before it
 * @param words the command and its arguments; empty for a redirection alone
 * @param target where its output goes, or null for the screen
 */
record Statement(When when, List<Word> words, @Nullable Word target) {
  /** When a statement runs. */
  enum When {
    ALWAYS,
    AFTER_SUCCESS,
    AFTER_FAILURE;

    boolean applies(int lastStatus) {
      return this == ALWAYS || (this == AFTER_SUCCESS) == (lastStatus == 0);
    }
  }

  /**
   * A word after quotes have been taken off.
   *
   * @param text what it says
   * @param glob the pattern it is, if it has wildcards outside quotes
   */
  record Word(String text, @Nullable String glob) {}
}
