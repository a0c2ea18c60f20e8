/** Readers of machine descriptions. */
module org.iommu4j.topology {
  requires transitive org.iommu4j.api;
  requires com.fasterxml.jackson.core;
  requires static com.google.errorprone.annotations;

  exports org.iommu4j.topology;
}
