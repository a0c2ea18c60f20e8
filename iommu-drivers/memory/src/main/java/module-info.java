/** Implementations of physical memory. */
module org.iommu4j.memory {
  exports org.iommu4j.memory;

  requires transitive org.iommu4j.api;
  requires static com.google.errorprone.annotations;
}
