/** The core: groups, domains, default domains, DMA ownership, probe and release. */
module org.iommu4j.core {
  requires transitive org.iommu4j.api;
  requires org.slf4j;
  requires static transitive org.jspecify;
  requires static com.google.errorprone.annotations;

  exports org.iommu4j.core;
  exports org.iommu4j.core.sysfs;
}
