/** Page tables in the formats of real hardware. */
module org.iommu4j.pgtable {
  exports org.iommu4j.pgtable;

  requires transitive org.iommu4j.api;
  requires static com.google.errorprone.annotations;
}
