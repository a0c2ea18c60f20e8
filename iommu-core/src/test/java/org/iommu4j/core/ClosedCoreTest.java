package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.nothing;
import static org.iommu4j.fake.Rig.refused;

import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Groups and domains that outlive their core, and faults that name nobody. */
final class ClosedCoreTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // bad input: a closed core
  void whatOutlivesItsCoreRefusesAndNothingChanges() {
    rig.start();
    rig.add("a");
    IommuGroup group = rig.group("a").ref();
    IommuGroup plain = rig.core().allocGroup();
    PagingDomain domain = rig.domain("a");
    rig.core().closeForced();
    String before = rig.everything();
    rig.journal.clear();
    refused(Errno.ENODEV, () -> domain.map(0x1000, 0x1000, 0x1000, 3));
    refused(Errno.ENODEV, () -> domain.unmap(0x1000, 0x1000));
    refused(Errno.ENODEV, () -> domain.setFaultHandler(null));
    for (IommuGroup left : new IommuGroup[] {group, plain}) {
      refused(Errno.ENODEV, () -> left.attach(domain));
      refused(Errno.ENODEV, () -> left.detach(domain));
      refused(Errno.ENODEV, () -> left.attachHandle(domain, new AttachHandle("h")));
      refused(Errno.ENODEV, () -> left.claimDmaOwner(new DmaOwner("o")));
      refused(Errno.ENODEV, left::releaseDmaOwner);
      refused(Errno.ENODEV, () -> left.setName("name"));
      refused(Errno.ENODEV, () -> left.writeType("DMA", Caller.ROOT));
    }
    assertThat(rig.everything()).isEqualTo(before);
    assertThat(rig.journal.calls()).isEmpty();
    domain.close();
    group.put();
    plain.put();
  }

  @Test // CORE-466; bad input: null
  void aFaultThatNamesNobody() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    refused(Errno.EINVAL, () -> domain.reportFault(nothing(), 0x1000, FaultAccess.READ));
    refused(Errno.EINVAL, () -> domain.reportFault(rig.dev("a"), 0x1000, nothing()));
    domain.close();
  }
}
