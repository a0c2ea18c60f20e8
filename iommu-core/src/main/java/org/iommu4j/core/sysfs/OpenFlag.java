package org.iommu4j.core.sysfs;

/** A flag of open(2). */
public enum OpenFlag {
  /** For reading. */
  READ,
  /** For writing. */
  WRITE,
  /** O_CREAT: what is missing is refused with EACCES instead of ENOENT. */
  CREATE,
  /** O_EXCL: with {@link #CREATE}, what exists is refused with EEXIST. */
  EXCLUSIVE,
  /** O_TRUNC: changes nothing here. */
  TRUNCATE,
  /** O_APPEND: changes nothing here. */
  APPEND,
  /** O_NOFOLLOW: a symbolic link is refused with ELOOP. */
  NO_FOLLOW
}
