/** The reference driver, for a simple made-up IOMMU. */
module org.iommu4j.driver.soft {
  exports org.iommu4j.driver.soft;

  requires transitive org.iommu4j.api;
  requires org.iommu4j.pgtable;
  requires org.slf4j;
  requires static com.google.errorprone.annotations;

  provides org.iommu4j.spi.IommuDriverProvider with
      org.iommu4j.driver.soft.SoftIommuProvider;
}
