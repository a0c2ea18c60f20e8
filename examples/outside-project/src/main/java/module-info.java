/** A driver, and a program that uses it. */
module com.example.pocket {
  requires org.iommu4j.core;
  requires org.iommu4j.testkit;

  uses org.iommu4j.spi.IommuDriverProvider;

  provides org.iommu4j.spi.IommuDriverProvider with
      com.example.pocket.PocketProvider;
}
