/** Physical memory on memory segments, for Java 22 and later. */
module org.iommu4j.memory.segment {
  exports org.iommu4j.memory.segment;

  requires transitive org.iommu4j.memory;
}
