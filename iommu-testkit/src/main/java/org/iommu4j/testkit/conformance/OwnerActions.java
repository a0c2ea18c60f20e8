package org.iommu4j.testkit.conformance;

/** DMA ownership. */
final class OwnerActions {
  private OwnerActions() {}

  static void addTo(OpTable table) {
    table.add("claim", OwnerActions::claim);
    table.add("release", OwnerActions::release);
    table.add("owned", OwnerActions::owned);
  }

  private static Action claim(Words words) {
    Target target = words.target();
    String token = words.wordOrNull("TOKEN");
    return target.action(
        (session, group) -> {
          group.claimDmaOwner(session.owner(token));
          return Action.SUCCESS;
        },
        (session, device) -> {
          session.core().claimDmaOwner(device, session.owner(token));
          return Action.SUCCESS;
        });
  }

  private static Action release(Words words) {
    return words
        .target()
        .action(
            (session, group) -> {
              group.releaseDmaOwner();
              return Action.OK;
            },
            (session, device) -> {
              session.core().releaseDmaOwner(device);
              return Action.OK;
            });
  }

  private static Action owned(Words words) {
    GroupRef group = words.group();
    return session -> Action.yesNo(session.group(group).dmaOwnerClaimed());
  }
}
