package org.iommu4j.jcstress;

import org.iommu4j.api.DmaOwner;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Two threads want one group; the numbers are errnos: 1 is EPERM, 16 is EBUSY. */
public final class GroupUsers {
  private GroupUsers() {}

  /** Two owners: one gets it. */
  @JCStressTest
  @Outcome(id = "0, 1, 1", expect = Expect.ACCEPTABLE, desc = "the first one")
  @Outcome(id = "1, 0, 1", expect = Expect.ACCEPTABLE, desc = "the second one")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class TwoClaims {
    private final OneGroup group = new OneGroup();
    private final DmaOwner one = new DmaOwner("one");
    private final DmaOwner other = new DmaOwner("other");

    /** Made for each sample. */
    public TwoClaims() {}

    /** Claims. */
    @Actor
    public void first(III_Result r) {
      r.r1 = group.claim(one);
    }

    /** Claims. */
    @Actor
    public void second(III_Result r) {
      r.r2 = group.claim(other);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(III_Result r) {
      r.r3 = group.isOwnedBy(r.r1 == 0 ? one : other);
    }
  }

  /** One owner leaves while another one wants it. */
  @JCStressTest
  @Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "left first")
  @Outcome(id = "0, 1, 1", expect = Expect.ACCEPTABLE, desc = "asked first")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class ReleaseMeetsClaim {
    private final OneGroup group = new OneGroup();
    private final DmaOwner one = new DmaOwner("one");
    private final DmaOwner other = new DmaOwner("other");

    /** Made for each sample. */
    public ReleaseMeetsClaim() {
      group.claim(one);
    }

    /** Releases. */
    @Actor
    public void releases(III_Result r) {
      r.r1 = group.release();
    }

    /** Claims. */
    @Actor
    public void claims(III_Result r) {
      r.r2 = group.claim(other);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(III_Result r) {
      r.r3 = group.isOwnedBy(r.r2 == 0 ? other : null);
    }
  }

  /** A driver and an owner: one gets it. */
  @JCStressTest
  @Outcome(id = "0, 1, 1", expect = Expect.ACCEPTABLE, desc = "the driver")
  @Outcome(id = "16, 0, 1", expect = Expect.ACCEPTABLE, desc = "the owner")
  @Outcome(expect = Expect.FORBIDDEN, desc = "anything else")
  @State
  public static class DriverMeetsClaim {
    private final OneGroup group = new OneGroup();
    private final DmaOwner one = new DmaOwner("one");

    /** Made for each sample. */
    public DriverMeetsClaim() {}

    /** Binds a driver. */
    @Actor
    public void drives(III_Result r) {
      r.r1 = group.useForADriver();
    }

    /** Claims. */
    @Actor
    public void claims(III_Result r) {
      r.r2 = group.claim(one);
    }

    /** Looks when both have ended. */
    @Arbiter
    public void after(III_Result r) {
      r.r3 = group.isOwnedBy(r.r2 == 0 ? one : null);
    }
  }
}
