/** A driver, and a machine that uses it. */
module com.example.pocket {
  requires transitive org.iommu4j.core;

  uses org.iommu4j.spi.IommuDriverProvider;

  provides org.iommu4j.spi.IommuDriverProvider with
      com.example.pocket.PocketProvider;

  exports com.example.pocket;
}
