package org.iommu4j.jcstress;

import static org.iommu4j.jcstress.Pages.K4;
import static org.iommu4j.jcstress.Pages.M2;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** The hardware walks while ARM tables change. */
public final class ArmWriterAndWalker {
  private ArmWriterAndWalker() {}

  /** A page and all its tables appear. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "in between")
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class TablesAppear {
    private final ArmTables tables = new ArmTables();

    /** Made for each sample. */
    public TablesAppear() {}

    /** Maps. */
    @Actor
    public void maps(II_Result r) {
      tables.map(0, K4, 1);
    }

    /** Walks twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.look(0);
      r.r2 = tables.look(0);
    }
  }

  /** A table is unlinked, invalidated and freed: somebody else uses it at once (PTL-016). */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "not yet")
  @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "in between")
  @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "already")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class TableIsReused {
    private final ArmTables tables = new ArmTables();

    /** Made for each sample. */
    public TableIsReused() {
      tables.slowWalks();
      tables.map(M2, K4, 512);
    }

    /** Unmaps the span of a table. */
    @Actor
    public void unmaps(II_Result r) {
      tables.unmap(M2, M2, 1);
    }

    /** Walks twice. */
    @Actor
    public void walks(II_Result r) {
      r.r1 = tables.look(M2 + 5 * K4);
      r.r2 = tables.look(M2 + 5 * K4);
    }
  }
}
