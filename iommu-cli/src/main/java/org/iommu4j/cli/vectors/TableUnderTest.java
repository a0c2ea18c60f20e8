package org.iommu4j.cli.vectors;

import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.pgtable.TableVisitor;

/** A page table behind the calls that the recording made. */
interface TableUnderTest {
  /** Hides page sizes; returns those in force then. */
  long restrictPageSizes(long sizes);

  DomainGeometry aperture();

  /** Register fields as recorded, or an empty text. */
  String hardware();

  /** As a {@link org.iommu4j.spi.MapResult} in bytes. */
  long map(long iova, long paddr, long size, int prot);

  long unmap(long iova, long size, IotlbGather gather);

  long translate(long iova);

  long root();

  int topLevel();

  void visit(TableVisitor visitor);
}
