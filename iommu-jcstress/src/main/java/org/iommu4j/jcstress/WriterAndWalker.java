package org.iommu4j.jcstress;

import static org.iommu4j.jcstress.Pages.K4;
import static org.iommu4j.jcstress.Pages.M2;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * The hardware walks while tables change: never a table before its contents, never a freed table,
 * never a torn entry.
 */
public final class WriterAndWalker {
  private WriterAndWalker() {}

  /** A page and all its tables appear. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "in between")
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class TablesAppear {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public TablesAppear() {}

    /** Maps. */
    @Actor
    public void maps(II_Result r) {
      tables.map(0, K4);
    }

    /** Walks twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.look(0);
      r.r2 = tables.look(0);
    }
  }

  /** A run of pages appears in a table that is there. */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "1, 3", expect = Expect.ACCEPTABLE, desc = "begun")
  @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "done in between")
  @Outcome(id = "3, 3", expect = Expect.ACCEPTABLE, desc = "in the middle")
  @Outcome(id = "3, 2", expect = Expect.ACCEPTABLE, desc = "coming to the end")
  @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class RunAppears {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public RunAppears() {
      tables.map(100 * K4, K4);
    }

    /** Maps. */
    @Actor
    public void maps(II_Result r) {
      tables.map(0, 64 * K4);
    }

    /** Walks to every page, twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.lookAtAll(0, 64);
      r.r2 = tables.lookAtAll(0, 64);
    }
  }

  /** A run of pages and its table appear. */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "1, 3", expect = Expect.ACCEPTABLE, desc = "begun")
  @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "done in between")
  @Outcome(id = "3, 3", expect = Expect.ACCEPTABLE, desc = "in the middle")
  @Outcome(id = "3, 2", expect = Expect.ACCEPTABLE, desc = "coming to the end")
  @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class FullTableAppears {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public FullTableAppears() {}

    /** Maps. */
    @Actor
    public void maps(II_Result r) {
      tables.map(0, M2);
    }

    /** Walks to every page, twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.lookAtAll(0, 512);
      r.r2 = tables.lookAtAll(0, 512);
    }
  }

  /** A table is unlinked, invalidated and freed: somebody else uses it at once (CORE-547). */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "in between")
  @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class TableIsReused {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public TableIsReused() {
      tables.slowWalks();
      tables.map(M2, M2);
    }

    /** Unmaps all that a table holds. */
    @Actor
    public void unmaps(II_Result r) {
      tables.unmap(M2, M2);
    }

    /** Walks twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.look(M2 + 5 * K4);
      r.r2 = tables.look(M2 + 5 * K4);
    }
  }

  /** The same with a flush of everything (FQ-017). */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "in between")
  @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class TableIsReusedAfterAFlush {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public TableIsReusedAfterAFlush() {
      tables.slowWalks();
      tables.map(M2, M2);
    }

    /** Unmaps all that a table holds. */
    @Actor
    public void unmaps(II_Result r) {
      tables.unmapLazily(M2, M2);
      tables.flushIotlbAll();
    }

    /** Walks twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.look(M2 + 5 * K4);
      r.r2 = tables.look(M2 + 5 * K4);
    }
  }

  /**
   * A large page takes the place of an emptied table, which somebody else uses at once (PTG-013).
   */
  @JCStressTest
  @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "in between")
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class ReplacedTableIsReused {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public ReplacedTableIsReused() {
      tables.slowWalks();
      tables.map(M2, K4);
      tables.unmap(M2, K4);
      tables.large();
    }

    /** Maps a large page. */
    @Actor
    public void maps(II_Result r) {
      tables.map(M2, M2);
    }

    /** Walks twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.look(M2 + 5 * K4);
      r.r2 = tables.look(M2 + 5 * K4);
    }
  }

  /** The top grows above a page that was mapped before (PTG-023). */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "it stays mapped")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class TopGrows {
    private final AmdTables tables = new AmdTables();

    /** Made for each sample. */
    public TopGrows() {
      tables.map(0, K4);
    }

    /** Maps far above. */
    @Actor
    public void maps(II_Result r) {
      tables.map(1L << 48, K4);
    }

    /** Walks twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.look(0);
      r.r2 = tables.look(0);
    }
  }

  /** A leaf of sixteen entries appears (PTG-004). */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "1, 3", expect = Expect.ACCEPTABLE, desc = "begun")
  @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "done in between")
  @Outcome(id = "3, 3", expect = Expect.ACCEPTABLE, desc = "in the middle")
  @Outcome(id = "3, 2", expect = Expect.ACCEPTABLE, desc = "coming to the end")
  @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class ContiguousLeafAppears {
    private final AmdTables tables = new AmdTables();

    /** Made for each sample. */
    public ContiguousLeafAppears() {
      tables.map(1L << 20, K4);
    }

    /** Maps 64 KiB. */
    @Actor
    public void maps(II_Result r) {
      tables.map(0, 16 * K4);
    }

    /** Walks to every page, twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.lookAtAll(0, 16);
      r.r2 = tables.lookAtAll(0, 16);
    }
  }

  /** The hardware marks a leaf as written while it is unmapped: the mark must not bring it back. */
  @JCStressTest
  @Outcome(id = "1, 0, 0", expect = Expect.ACCEPTABLE, desc = "unmapped first")
  @Outcome(id = "1, 1, 0", expect = Expect.ACCEPTABLE, desc = "marked first")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class MarkMeetsUnmap {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public MarkMeetsUnmap() {
      tables.map(0, 2 * K4);
    }

    /** Unmaps. */
    @Actor
    public void unmaps(III_Result r) {
      r.r1 = tables.unmap(0, 2 * K4);
    }

    /** Writes. */
    @Actor
    public void marks(III_Result r) {
      r.r2 = tables.markWritten(K4);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(III_Result r) {
      r.r3 = tables.look(K4);
    }
  }

  /**
   * The hardware marks a leaf as written while marks are read and cleared: none is lost (PTG-025).
   */
  @JCStressTest
  @Outcome(id = "0, 1, 1", expect = Expect.ACCEPTABLE, desc = "read first")
  @Outcome(id = "1, 1, 0", expect = Expect.ACCEPTABLE, desc = "marked first")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class MarkMeetsReader {
    private final VtdTables tables = new VtdTables().small();

    /** Made for each sample. */
    public MarkMeetsReader() {
      tables.map(0, K4);
    }

    /** Reads and clears. */
    @Actor
    public void reads(III_Result r) {
      r.r1 = tables.takeMark(0);
    }

    /** Writes. */
    @Actor
    public void marks(III_Result r) {
      r.r2 = tables.markWritten(0);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(III_Result r) {
      r.r3 = tables.takeMark(0);
    }
  }
}
