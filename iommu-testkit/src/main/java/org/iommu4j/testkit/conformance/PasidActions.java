package org.iommu4j.testkit.conformance;

import org.iommu4j.api.Device;
import org.iommu4j.api.Pasid;

/** PASIDs. */
final class PasidActions {
  private static final String INVALID = "invalid";

  private PasidActions() {}

  static void addTo(OpTable table) {
    table.add("pasid_attach", PasidActions::attach);
    table.add("pasid_replace", PasidActions::replace);
    table.add("pasid_detach", PasidActions::detach);
    table.add("gpasid_alloc", PasidActions::allocate);
    table.add("gpasid_free", PasidActions::free);
  }

  private static Action attach(Words words) {
    Device device = words.device();
    int pasid = words.decimal("PASID");
    DomainRef domain = words.domain();
    String handle = words.handle();
    return Action.success(
        session ->
            session
                .core()
                .attachPasid(device, session.domain(domain), pasid, session.handle(handle)));
  }

  private static Action replace(Words words) {
    Device device = words.device();
    int pasid = words.decimal("PASID");
    DomainRef domain = words.domain();
    String handle = words.handle();
    return Action.success(
        session ->
            session
                .core()
                .replacePasid(device, session.domain(domain), pasid, session.handle(handle)));
  }

  private static Action detach(Words words) {
    Device device = words.device();
    int pasid = words.decimal("PASID");
    DomainRef domain = words.domain();
    return Action.ok(session -> session.core().detachPasid(device, session.domain(domain), pasid));
  }

  private static Action allocate(Words words) {
    Device device = words.device();
    return session -> {
      int pasid = session.core().allocGlobalPasid(device);
      return pasid == Pasid.INVALID ? INVALID : Integer.toUnsignedString(pasid);
    };
  }

  private static Action free(Words words) {
    int pasid = words.optional(INVALID) ? Pasid.INVALID : words.decimal("N");
    return Action.ok(session -> session.core().freeGlobalPasid(pasid));
  }
}
