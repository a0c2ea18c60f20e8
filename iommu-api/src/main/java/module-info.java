/**
 * The language of the library: what consumers call ({@code org.iommu4j.api}) and what drivers
 * implement ({@code org.iommu4j.spi}).
 */
module org.iommu4j.api {
  requires static transitive org.jspecify;
  requires static com.google.errorprone.annotations;

  exports org.iommu4j.api;
  exports org.iommu4j.api.grouping;
  exports org.iommu4j.spi;

  uses org.iommu4j.spi.IommuDriverProvider;
}
