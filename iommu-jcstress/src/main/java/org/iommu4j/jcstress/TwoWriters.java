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

/** Two threads write one page table, each a range of its own (PTG-014, PTG-019). */
public final class TwoWriters {
  private TwoWriters() {}

  /** Both find no table for their pages, which share all of them. */
  @JCStressTest
  @Outcome(id = "1, 1, 1, 1, 0", expect = Expect.ACCEPTABLE, desc = "one table, of either")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class MapsMakeOneTable {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public MapsMakeOneTable() {}

    /** Maps. */
    @Actor
    public void first(IIIII_Result r) {
      r.r1 = tables.map(0, K4);
    }

    /** Maps. */
    @Actor
    public void second(IIIII_Result r) {
      r.r2 = tables.map(K4, 3 * K4);
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
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public MapMeetsUnmap() {
      tables.map(8 * K4, 8 * K4);
    }

    /** Maps. */
    @Actor
    public void maps(IIIII_Result r) {
      r.r1 = tables.map(0, 8 * K4);
    }

    /** Unmaps. */
    @Actor
    public void unmaps(IIIII_Result r) {
      r.r2 = tables.unmap(8 * K4, 8 * K4);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.look(7 * K4);
      r.r4 = tables.look(8 * K4);
      r.r5 = tables.leaked();
    }
  }

  /** Two neighbours are unmapped: the table stays (PTG-019). */
  @JCStressTest
  @Outcome(id = "1, 1, 0, 0, 0", expect = Expect.ACCEPTABLE, desc = "both are gone")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class UnmapsMeet {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public UnmapsMeet() {
      tables.map(0, 16 * K4);
    }

    /** Unmaps. */
    @Actor
    public void first(IIIII_Result r) {
      r.r1 = tables.unmap(0, 8 * K4);
    }

    /** Unmaps. */
    @Actor
    public void second(IIIII_Result r) {
      r.r2 = tables.unmap(8 * K4, 8 * K4);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.look(7 * K4);
      r.r4 = tables.look(8 * K4);
      r.r5 = tables.leaked();
    }
  }

  /** A table of leaves is unlinked while its neighbour is made. */
  @JCStressTest
  @Outcome(id = "1, 1, 0, 1, 0", expect = Expect.ACCEPTABLE, desc = "one table went, one came")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class UnlinkMeetsLink {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public UnlinkMeetsLink() {
      tables.map(M2, M2);
    }

    /** Unmaps all that a table holds. */
    @Actor
    public void unlinks(IIIII_Result r) {
      r.r1 = tables.unmap(M2, M2);
    }

    /** Maps next to it. */
    @Actor
    public void links(IIIII_Result r) {
      r.r2 = tables.map(2 * M2, K4);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.look(M2);
      r.r4 = tables.look(2 * M2);
      r.r5 = tables.leaked();
    }
  }

  /** A large page takes the place of an emptied table while its neighbour is made (PTG-012). */
  @JCStressTest
  @Outcome(id = "1, 1, 1, 1, 0", expect = Expect.ACCEPTABLE, desc = "one table went, one came")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class ReplaceMeetsLink {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public ReplaceMeetsLink() {
      tables.map(M2, 2 * K4);
      tables.unmap(M2, 2 * K4);
      tables.large();
    }

    /** Maps a large page. */
    @Actor
    public void replaces(IIIII_Result r) {
      r.r1 = tables.map(M2, M2);
    }

    /** Maps next to it. */
    @Actor
    public void links(IIIII_Result r) {
      r.r2 = tables.map(2 * M2, K4);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.look(2 * M2 - K4);
      r.r4 = tables.look(2 * M2);
      r.r5 = tables.leaked();
    }
  }

  /** The top must grow for both (PTG-023). */
  @JCStressTest
  @Outcome(id = "1, 1, 1, 1, 0", expect = Expect.ACCEPTABLE, desc = "it grew for both")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class MapsGrowTheTop {
    private final AmdTables tables = new AmdTables();

    /** Made for each sample. */
    public MapsGrowTheTop() {
      tables.map(0, K4);
    }

    /** Maps one level above. */
    @Actor
    public void first(IIIII_Result r) {
      r.r1 = tables.map(1L << 39, K4);
    }

    /** Maps two levels above. */
    @Actor
    public void second(IIIII_Result r) {
      r.r2 = tables.map(1L << 48, K4);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = Math.min(tables.look(1L << 39), tables.look(0));
      r.r4 = tables.look(1L << 48);
      r.r5 = tables.leaked();
    }
  }

  /** A flush of everything frees no table that was unlinked after it had begun (FQ-017). */
  @JCStressTest
  @Outcome(
      id = "1, 4, 4, 3, 1",
      expect = Expect.ACCEPTABLE,
      desc = "the table waits for the next flush")
  @Outcome(id = "1, 3, 3, 3, 0", expect = Expect.ACCEPTABLE, desc = "it is freed by this one")
  @Outcome(
      id = "1, 3, 4, 3, 1",
      expect = Expect.ACCEPTABLE,
      desc = "unlinked, but not yet given to the flush")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class FlushMeetsUnmap {
    private final VtdTables tables = new VtdTables().small();
    private int linkedAtFlush;

    /** Made for each sample. */
    public FlushMeetsUnmap() {
      tables.map(M2, M2);
      tables.atFlush(() -> linkedAtFlush = tables.linked());
    }

    /** Unmaps all that a table holds. */
    @Actor
    public void unmaps(IIIII_Result r) {
      r.r1 = tables.unmapLazily(M2, M2);
    }

    /** Counts tables, then flushes. */
    @Actor
    public void flushes(IIIII_Result r) {
      tables.flushIotlbAll();
      r.r2 = linkedAtFlush;
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(IIIII_Result r) {
      r.r3 = tables.allocated();
      r.r4 = tables.linked();
      r.r5 = tables.leaked();
    }
  }
}
