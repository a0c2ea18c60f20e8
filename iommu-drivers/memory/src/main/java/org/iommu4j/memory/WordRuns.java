package org.iommu4j.memory;

import java.util.Arrays;
import java.util.stream.LongStream;

/** What is done to runs of words in an array, in forms of which the JIT makes vectors. */
final class WordRuns {
  /** The longest run there is help for. */
  static final int MOST = 512;

  /** What zeroes are compared with and copied from; never written. */
  private static final long[] ZEROES = new long[MOST];

  private static final long[] COUNT = LongStream.range(0, MOST).toArray();

  /** How many words are tested at a time. */
  private static final int BLOCK = 64;

  private WordRuns() {}

  /** {@link #MOST} zeroes to copy from. */
  static long[] zeroes() {
    return ZEROES;
  }

  /** Word i becomes {@code first + (i << shift)}. One index for both arrays, or it stays a loop. */
  static void rise(long[] words, int count, long first, int shift) {
    long[] numbers = COUNT;
    for (int i = 0; i < count; i++) {
      words[i] = first + (numbers[i] << shift);
    }
  }

  /** How many of the first words are zero. */
  static int leadingZeroes(long[] words, int count) {
    int found = Arrays.mismatch(words, 0, count, ZEROES, 0, count);
    return found < 0 ? count : found;
  }

  /** How many of the first words have some bit of a mask; whole blocks without a branch. */
  static int leadingMarked(long[] words, int count, long mask) {
    int at = 0;
    while (count - at >= BLOCK && allMarked(words, at, mask)) {
      at += BLOCK;
    }
    while (at < count && (words[at] & mask) != 0) {
      at++;
    }
    return at;
  }

  private static boolean allMarked(long[] words, int from, long mask) {
    long all = -1L;
    for (int i = from; i < from + BLOCK; i++) {
      long bits = words[i] & mask;
      all &= bits | -bits; // the sign says whether there was a bit
    }
    return all < 0;
  }
}
