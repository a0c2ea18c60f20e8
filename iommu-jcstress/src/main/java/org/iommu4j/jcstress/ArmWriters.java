package org.iommu4j.jcstress;

import static org.iommu4j.jcstress.Pages.K4;
import static org.iommu4j.jcstress.Pages.M2;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIIII_Result;

/** Two threads write one ARM page table, each a range of its own (PTL-014). */
public final class ArmWriters {
  private ArmWriters() {}

  /** Both find no table for their pages, which share all of them. */
  @JCStressTest
  @Outcome(id = "1, 1, 1, 1, 0", expect = Expect.ACCEPTABLE, desc = "one table, of either")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class MapsMakeOneTable {
    private final ArmTables tables = new ArmTables();

    /** Made for each sample. */
    public MapsMakeOneTable() {}

    /** Maps. */
    @Actor
    public void first(IIIII_Result r) {
      r.r1 = tables.map(0, K4, 1);
    }

    /** Maps. */
    @Actor
    public void second(IIIII_Result r) {
      r.r2 = tables.map(K4, K4, 3);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.look(0);
      r.r4 = tables.look(3 * K4);
      r.r5 = tables.leaked();
    }
  }

  /** One maps while the other unmaps, in one table of leaves. */
  @JCStressTest
  @Outcome(id = "1, 1, 1, 0, 0", expect = Expect.ACCEPTABLE, desc = "both have done their part")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class MapMeetsUnmap {
    private final ArmTables tables = new ArmTables();

    /** Made for each sample. */
    public MapMeetsUnmap() {
      tables.map(8 * K4, K4, 8);
    }

    /** Maps. */
    @Actor
    public void maps(IIIII_Result r) {
      r.r1 = tables.map(0, K4, 8);
    }

    /** Unmaps. */
    @Actor
    public void unmaps(IIIII_Result r) {
      r.r2 = tables.unmap(8 * K4, K4, 8);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.look(7 * K4);
      r.r4 = tables.look(8 * K4);
      r.r5 = tables.leaked();
    }
  }

  /** A table goes with what it holds while its neighbour is made (PTL-016). */
  @JCStressTest
  @Outcome(id = "1, 1, 0, 1, 0", expect = Expect.ACCEPTABLE, desc = "one table went, one came")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class UnlinkMeetsLink {
    private final ArmTables tables = new ArmTables();

    /** Made for each sample. */
    public UnlinkMeetsLink() {
      tables.map(M2, K4, 2);
    }

    /** Unmaps the span of a table. */
    @Actor
    public void unlinks(IIIII_Result r) {
      r.r1 = tables.unmap(M2, M2, 1);
    }

    /** Maps next to it. */
    @Actor
    public void links(IIIII_Result r) {
      r.r2 = tables.map(2 * M2, K4, 1);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.look(M2);
      r.r4 = tables.look(2 * M2);
      r.r5 = tables.leaked();
    }
  }
}
