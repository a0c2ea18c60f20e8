package org.iommu4j.cli.demo;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;

/** Somebody who keeps writing types to a group's file, whatever comes of it. */
final class TypeWriter implements Actor {
  private final Supplier<IommuGroup> group;
  private final Problems problems;
  private final Map<DefaultDomainRequest, LongAdder> written =
      new EnumMap<>(DefaultDomainRequest.class);
  private final Map<DefaultDomainRequest, LongAdder> inUse =
      new EnumMap<>(DefaultDomainRequest.class);
  private final Map<DefaultDomainRequest, LongAdder> gone =
      new EnumMap<>(DefaultDomainRequest.class);

  TypeWriter(Supplier<IommuGroup> group, Problems problems) {
    this.group = group;
    this.problems = problems;
    for (DefaultDomainRequest request : DefaultDomainRequest.values()) {
      written.put(request, new LongAdder());
      inUse.put(request, new LongAdder());
      gone.put(request, new LongAdder());
    }
  }

  @Override
  public void step(RandomGenerator random) {
    DefaultDomainRequest[] all = DefaultDomainRequest.values();
    DefaultDomainRequest request = all[random.nextInt(all.length)];
    try {
      var unused = group.get().writeType(request.text(), Caller.ROOT);
      count(written, request);
    } catch (IommuException refused) {
      refused(request, refused);
    }
  }

  private void refused(DefaultDomainRequest request, IommuException refusal) {
    if (refusal.errno() == Errno.EPERM) {
      count(inUse, request);
    } else if (refusal.errno() == Errno.ENODEV || refusal.errno() == Errno.EINVAL) {
      count(gone, request);
    } else {
      problems.add("a write of " + request.text() + " was refused: " + refusal.getMessage());
    }
  }

  private static void count(
      Map<DefaultDomainRequest, LongAdder> counts, DefaultDomainRequest request) {
    LongAdder counter = counts.get(request);
    if (counter != null) {
      counter.increment();
    }
  }

  private static long of(
      Map<DefaultDomainRequest, LongAdder> counts, DefaultDomainRequest request) {
    LongAdder counter = counts.get(request);
    return counter == null ? 0 : counter.sum();
  }

  /** How often a type was written and taken. */
  long done(DefaultDomainRequest request) {
    return of(written, request);
  }

  /** How often it was refused because the group was in use. */
  long inUse(DefaultDomainRequest request) {
    return of(inUse, request);
  }

  /** How often there was no group to write to. */
  long gone(DefaultDomainRequest request) {
    return of(gone, request);
  }

  @Override
  public String toString() {
    return "a writer of types";
  }
}
