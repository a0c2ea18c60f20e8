package org.iommu4j.testkit.transcript;

import org.iommu4j.api.Caller;

/**
 * Who wrote, from the words of the record.
 *
 * @param caller user and capabilities at the write
 * @param openedByRoot whether root had opened the file for them
 */
record RecordedCaller(Caller caller, boolean openedByRoot) {
  static RecordedCaller of(Fields args) {
    String who = args.text("who", "root, all caps");
    int uid = args.number("uid", 0);
    return new RecordedCaller(
        new Caller(
            uid,
            has(who, "SYS_ADMIN", "admin"),
            has(who, "SYS_RAWIO", "rawio"),
            has(who, "DAC_OVERRIDE", "dac")),
        who.contains("opened by root"));
  }

  /**
   * Whether a capability is meant. "all caps" names every one, "all but X" every one but X, "no X"
   * takes X away; anything else must be named. Root of another user namespace has none here.
   */
  private static boolean has(String who, String capability, String shortName) {
    boolean named = who.contains(capability) || mentions(who, shortName);
    if (who.contains("user namespace") || who.contains("no caps")) {
      return false;
    }
    if (who.contains("all but")) {
      return !named;
    }
    if (who.contains("all caps")) {
      return true;
    }
    return named && !who.contains("no " + capability) && !who.contains("no CAP_" + capability);
  }

  /** A short name is a word of its own, as in "admin/rawio". */
  private static boolean mentions(String who, String word) {
    for (String part : who.split("[^a-z]+")) {
      if (part.equals(word)) {
        return true;
      }
    }
    return false;
  }
}
