/** The command line: the demo, the replays, groups and the shell. */
@SuppressWarnings("requires-automatic")
module org.iommu4j.cli {
  requires com.fasterxml.jackson.core;
  requires info.picocli;
  requires org.iommu4j.core;
  requires org.iommu4j.driver.soft;
  requires org.iommu4j.memory;
  requires org.iommu4j.pgtable;
  requires org.iommu4j.testkit;
  requires org.iommu4j.topology;
  requires org.jline.reader;
  requires org.jline.terminal;
  requires static com.google.errorprone.annotations;

  opens org.iommu4j.cli to
      info.picocli;
  opens org.iommu4j.cli.groups to
      info.picocli;
  opens org.iommu4j.cli.transcript to
      info.picocli;
}
