/** The command line: the demo and the conformance replay. */
module org.iommu4j.cli {
  requires info.picocli;
  requires org.iommu4j.core;
  requires org.iommu4j.driver.soft;
  requires org.iommu4j.memory;
  requires org.iommu4j.pgtable;
  requires org.iommu4j.testkit;
  requires org.iommu4j.topology;
  requires static com.google.errorprone.annotations;

  opens org.iommu4j.cli to
      info.picocli;
}
