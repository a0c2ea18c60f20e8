package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.PagingDomainImpl;
import org.jspecify.annotations.Nullable;

/** Reads and changes the type of a group's default domain (CORE-200 to 230, 805). */
final class TypeChange {
  private TypeChange() {}

  static String typeText(GroupImpl group) {
    group.lock.lock();
    try {
      group.requireAlive();
      CoreDomain now = group.defaultDomain;
      return now == null ? "unknown" : now.type().sysfsName();
    } finally {
      group.lock.unlock();
    }
  }

  static int writeType(GroupImpl group, @Nullable String text, @Nullable Caller caller) {
    group.requireAlive();
    if (text == null || caller == null) {
      throw new IommuException(
          Errno.EINVAL, "group " + group.id + ": '" + text + "' written by " + caller);
    }
    if (!caller.sysAdmin() || !caller.rawIo()) {
      throw new IommuException(
          Errno.EACCES, "group " + group.id + ": its type needs both capabilities, not " + caller);
    }
    requireDefaultDomain(group);
    DefaultDomainRequest request =
        DefaultDomainRequest.parse(text)
            .orElseThrow(
                () ->
                    new IommuException(
                        Errno.EINVAL, "group " + group.id + ": '" + text + "' is not a type"));
    changeDefaultDomain(group, request);
    return text.length();
  }

  private static void requireDefaultDomain(GroupImpl group) {
    if (group.defaultDomain == null) {
      throw new IommuException(Errno.EINVAL, "group " + group.id + " has no default domain");
    }
  }

  static void changeDefaultDomain(GroupImpl group, @Nullable DefaultDomainRequest request) {
    group.requireAlive();
    if (request == null) {
      throw new IommuException(Errno.EINVAL, "group " + group.id + ": no type was requested");
    }
    requireDefaultDomain(group);
    group.lock.lock();
    try {
      CoreDomain now = group.defaultDomain;
      if (now instanceof PagingDomainImpl live
          && live.type() == DomainType.DMA
          && request == DefaultDomainRequest.DMA_FQ) {
        switchLive(group, live);
        return;
      }
      if (now == null || group.members.isEmpty() || group.ownership.count() != 0) {
        // Also the answer if the last member left since the first look (CORE-203).
        throw new IommuException(
            Errno.EPERM,
            "group "
                + group.id
                + " cannot change to "
                + request.text()
                + ": it is empty or in use ("
                + group.ownership
                + ")");
      }
      GroupImpl.throwIf(DefaultDomain.setUp(group, request.type()));
      DmaSetup.refresh(group);
    } finally {
      group.lock.unlock();
    }
  }

  /**
   * Strict to lazy under a bound driver (CORE-210 to 213). The queue is complete before the type
   * changes, and an unmap samples the type once: it sees strict, or lazy with a complete queue.
   */
  private static void switchLive(GroupImpl group, PagingDomainImpl live) {
    GroupImpl.throwIf(
        group
            .services
            .guard()
            .attempt(
                "dma_layer.start_flush_queue",
                live,
                () -> group.services.dmaLayer().startFlushQueue(live.asPaging())));
    live.setType(DomainType.DMA_FQ);
  }

  /** Queues the group on a bus replay's pending list; false if it is queued already. */
  @GuardedBy("group.lock")
  static boolean queue(GroupImpl group) {
    boolean first = !group.queued;
    group.queued = true;
    return first;
  }

  /** Takes the group off an abandoned pending list (CORE-064). */
  static void unqueue(GroupImpl group) {
    group.lock.lock();
    try {
      group.queued = false;
    } finally {
      group.lock.unlock();
    }
  }

  /**
   * Pass 2 of a bus replay for this group (CORE-065).
   *
   * @return the members to finalise, under no lock
   */
  static List<Member> setUpAfterReplay(GroupImpl group) {
    group.lock.lock();
    try {
      group.queued = false;
      if (group.members.isEmpty()) {
        return List.of();
      }
      GroupImpl.throwIf(DefaultDomain.setUp(group, null));
      DmaSetup.refresh(group);
      return group.members.copy();
    } finally {
      group.lock.unlock();
    }
  }
}
