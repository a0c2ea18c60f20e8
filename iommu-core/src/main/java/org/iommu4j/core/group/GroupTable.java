package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.Environment;

/** The groups of a core and their numbers: always the lowest free one (CORE-020 to 022). */
public final class GroupTable {
  private final GroupServices services;
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final BitSet ids = new BitSet();

  @GuardedBy("lock")
  private final TreeMap<Integer, GroupImpl> groups = new TreeMap<>();

  /** Creates an empty table. */
  public GroupTable(GroupServices services) {
    this.services = services;
  }

  /**
   * Creates an empty group; the caller has the one reference.
   *
   * @return the group
   * @throws IommuException the environment's refusal, with nothing left behind
   */
  public GroupImpl allocate() {
    Environment environment = services.environment();
    environment.allocate("group");
    environment.allocateGroupId();
    int id = takeId();
    boolean published = false;
    try {
      publish(id);
      published = true;
    } finally {
      if (!published) {
        giveBack(id);
      }
    }
    GroupImpl group = new GroupImpl(services, this, id);
    synchronized (lock) {
      groups.put(id, group);
    }
    return group;
  }

  private void publish(int id) {
    Environment environment = services.environment();
    environment.publishGroup(id);
    boolean complete = false;
    try {
      try {
        environment.publishGroupDevices(id);
      } catch (IommuException refused) {
        throw new IommuException(Errno.ENOMEM, "no devices directory for group " + id, refused);
      }
      environment.publishGroupFile(id, "reserved_regions");
      environment.publishGroupFile(id, "type");
      complete = true;
    } finally {
      if (!complete) {
        environment.unpublishGroup(id);
      }
    }
  }

  private int takeId() {
    synchronized (lock) {
      int id = ids.nextClearBit(0);
      ids.set(id);
      return id;
    }
  }

  /** A group has ended: its number is free again. */
  void giveBack(int id) {
    synchronized (lock) {
      groups.remove(id);
      ids.clear(id);
    }
  }

  /** All groups, by number. */
  public Collection<GroupImpl> all() {
    synchronized (lock) {
      return List.copyOf(groups.values());
    }
  }

  /** Whether a group was made by this table. */
  public boolean owns(GroupImpl group) {
    return group.madeBy(this);
  }
}
