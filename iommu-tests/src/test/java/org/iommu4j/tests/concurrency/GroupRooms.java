package org.iommu4j.tests.concurrency;

import org.iommu4j.api.DefaultDomainRequest;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * Rooms with few operations, so that a model checker finds the dangerous pairs, and one with all.
 */
final class GroupRooms {
  private GroupRooms() {}

  /** Who may use the group, while its type is written. */
  @Param(name = "request", gen = GroupRoom.Requests.class)
  @Param(name = "device", gen = IntGen.class, conf = "0:1")
  @Param(name = "owner", gen = IntGen.class, conf = "0:1")
  public static final class Owners extends GroupRoom {
    /** Called by Lincheck for each invocation. */
    public Owners() {}

    @Override
    @Operation
    public String change(@Param(name = "request") DefaultDomainRequest request) {
      return super.change(request);
    }

    @Override
    @Operation
    public String claim(@Param(name = "owner") int owner) {
      return super.claim(owner);
    }

    @Override
    @Operation
    public String claimByDevice(
        @Param(name = "device") int device, @Param(name = "owner") int owner) {
      return super.claimByDevice(device, owner);
    }

    @Override
    @Operation
    public String release() {
      return super.release();
    }

    @Override
    @Operation
    public String releaseByDevice(@Param(name = "device") int device) {
      return super.releaseByDevice(device);
    }

    @Override
    @Operation
    public String bindStayer() {
      return super.bindStayer();
    }

    @Override
    @Operation
    public String unbindStayer() {
      return super.unbindStayer();
    }

    @Override
    @Operation
    public String snapshot() {
      return super.snapshot();
    }
  }

  /** Members leave and join, while the group goes from domain to domain. */
  @Param(name = "request", gen = GroupRoom.Requests.class)
  @Param(name = "device", gen = IntGen.class, conf = "0:1")
  @Param(name = "owner", gen = IntGen.class, conf = "0:1")
  public static final class Guests extends GroupRoom {
    /** Called by Lincheck for each invocation. */
    public Guests() {}

    @Override
    @Operation
    public String change(@Param(name = "request") DefaultDomainRequest request) {
      return super.change(request);
    }

    @Override
    @Operation
    public String attach() {
      return super.attach();
    }

    @Override
    @Operation
    public String detach() {
      return super.detach();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String bindGuest() {
      return super.bindGuest();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String unbindGuest() {
      return super.unbindGuest();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String leave() {
      return super.leave();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String join() {
      return super.join();
    }

    @Override
    @Operation
    public String whereabouts() {
      return super.whereabouts();
    }
  }

  /** Members are reset, while the group goes from domain to domain. */
  @Param(name = "request", gen = GroupRoom.Requests.class)
  @Param(name = "device", gen = IntGen.class, conf = "0:1")
  @Param(name = "owner", gen = IntGen.class, conf = "0:1")
  public static final class Resets extends GroupRoom {
    /** Called by Lincheck for each invocation. */
    public Resets() {}

    @Override
    @Operation
    public String change(@Param(name = "request") DefaultDomainRequest request) {
      return super.change(request);
    }

    @Override
    @Operation
    public String claim(@Param(name = "owner") int owner) {
      return super.claim(owner);
    }

    @Override
    @Operation
    public String release() {
      return super.release();
    }

    @Override
    @Operation
    public String attach() {
      return super.attach();
    }

    @Override
    @Operation
    public String detach() {
      return super.detach();
    }

    @Override
    @Operation
    public String prepareStayer() {
      return super.prepareStayer();
    }

    @Override
    @Operation
    public String doneStayer() {
      return super.doneStayer();
    }

    @Override
    @Operation
    public String snapshot() {
      return super.snapshot();
    }

    @Override
    @Operation
    public String whereabouts() {
      return super.whereabouts();
    }
  }

  /** All operations. */
  @Param(name = "request", gen = GroupRoom.Requests.class)
  @Param(name = "device", gen = IntGen.class, conf = "0:1")
  @Param(name = "owner", gen = IntGen.class, conf = "0:1")
  public static final class Everything extends GroupRoom {
    /** Called by Lincheck for each invocation. */
    public Everything() {}

    @Override
    @Operation
    public String change(@Param(name = "request") DefaultDomainRequest request) {
      return super.change(request);
    }

    @Override
    @Operation
    public String claim(@Param(name = "owner") int owner) {
      return super.claim(owner);
    }

    @Override
    @Operation
    public String claimByDevice(
        @Param(name = "device") int device, @Param(name = "owner") int owner) {
      return super.claimByDevice(device, owner);
    }

    @Override
    @Operation
    public String release() {
      return super.release();
    }

    @Override
    @Operation
    public String releaseByDevice(@Param(name = "device") int device) {
      return super.releaseByDevice(device);
    }

    @Override
    @Operation
    public String bindStayer() {
      return super.bindStayer();
    }

    @Override
    @Operation
    public String unbindStayer() {
      return super.unbindStayer();
    }

    @Override
    @Operation
    public String attach() {
      return super.attach();
    }

    @Override
    @Operation
    public String detach() {
      return super.detach();
    }

    @Override
    @Operation
    public String prepareStayer() {
      return super.prepareStayer();
    }

    @Override
    @Operation
    public String doneStayer() {
      return super.doneStayer();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String bindGuest() {
      return super.bindGuest();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String unbindGuest() {
      return super.unbindGuest();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String prepareGuest() {
      return super.prepareGuest();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String doneGuest() {
      return super.doneGuest();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String leave() {
      return super.leave();
    }

    @Override
    @Operation(nonParallelGroup = "guest")
    public String join() {
      return super.join();
    }

    @Override
    @Operation
    public String snapshot() {
      return super.snapshot();
    }

    @Override
    @Operation
    public String whereabouts() {
      return super.whereabouts();
    }
  }
}
