/** Fake machines, hardware models, fault injection and the conformance replay. */
module org.iommu4j.testkit {
  exports org.iommu4j.testkit;
  exports org.iommu4j.testkit.conformance;
  exports org.iommu4j.testkit.junit;
  exports org.iommu4j.testkit.jqwik;
  exports org.iommu4j.testkit.linux;
  exports org.iommu4j.testkit.persona;
  exports org.iommu4j.testkit.sysfs;
  exports org.iommu4j.testkit.transcript;
  exports org.iommu4j.testkit.vfio;

  requires transitive org.iommu4j.api;
  requires transitive org.iommu4j.core;
  requires transitive org.iommu4j.memory;
  requires com.fasterxml.jackson.core;
  requires static com.google.errorprone.annotations;
  requires static net.jqwik.api;
  requires static org.junit.jupiter.api;
}
