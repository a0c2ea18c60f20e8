package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Gfp;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Prot;
import org.iommu4j.api.SgSegment;
import org.iommu4j.core.IommuCore;

/** Mappings. */
final class MappingActions {
  private MappingActions() {}

  static void addTo(OpTable table) {
    table.add("map", words -> map(words, IommuCore::map));
    table.add("map_nosync", words -> map(words, IommuCore::mapNosync));
    table.add("sync_map", MappingActions::syncMap);
    table.add("unmap", MappingActions::unmap);
    table.add("unmap_fast", MappingActions::unmapFast);
    table.add("map_sg", MappingActions::mapSg);
    table.add("phys", MappingActions::phys);
    table.add("flush_all", MappingActions::flushAll);
  }

  @FunctionalInterface
  private interface MapCall {
    void run(IommuCore core, Domain domain, long iova, long paddr, long size, int prot, Gfp gfp);
  }

  private static Action map(Words words, MapCall call) {
    DomainRef domain = words.domain();
    long iova = words.hex("IOVA");
    long paddr = words.hex("PA");
    long size = words.hex("SIZE");
    int prot = words.decimal("PROT");
    Gfp gfp = words.optional("highmem") ? Gfp.HIGHMEM : Gfp.KERNEL;
    return Action.success(
        session -> call.run(session.core(), session.domain(domain), iova, paddr, size, prot, gfp));
  }

  private static Action syncMap(Words words) {
    DomainRef domain = words.domain();
    long iova = words.hex("IOVA");
    long size = words.hex("SIZE");
    return Action.success(session -> session.core().syncMap(session.domain(domain), iova, size));
  }

  private static Action unmap(Words words) {
    DomainRef domain = words.domain();
    long iova = words.hex("IOVA");
    long size = words.hex("SIZE");
    return session -> Action.hex(session.core().unmap(session.domain(domain), iova, size));
  }

  private record Range(long iova, long size) {}

  private static Action unmapFast(Words words) {
    DomainRef ref = words.domain();
    List<Range> ranges = new ArrayList<>();
    do {
      ranges.add(new Range(words.hex("IOVA"), words.hex("SIZE")));
    } while (words.more());
    return session -> {
      Domain domain = session.domain(ref);
      IotlbGather gather = new IotlbGather();
      long bytes = 0;
      for (Range range : ranges) {
        bytes += session.core().unmapFast(domain, range.iova(), range.size(), gather);
      }
      session.core().iotlbSync(domain, gather);
      return Action.hex(bytes);
    };
  }

  private static Action mapSg(Words words) {
    DomainRef domain = words.domain();
    long iova = words.hex("IOVA");
    List<SgSegment> segments = new ArrayList<>();
    for (String text : words.word("PA+LEN[*],...").split(",", -1)) {
      segments.add(segment(words, text));
    }
    return session ->
        Action.hex(session.core().mapSg(session.domain(domain), iova, segments, Prot.RW));
  }

  private static SgSegment segment(Words words, String text) {
    boolean bus = text.endsWith("*");
    String[] parts = (bus ? text.substring(0, text.length() - 1) : text).split("\\+", -1);
    if (parts.length != 2) {
      throw words.error("\"" + text + "\" is not PA+LEN or PA+LEN*");
    }
    return new SgSegment(words.hex("PA", parts[0]), words.hex("LEN", parts[1]), bus);
  }

  private static Action phys(Words words) {
    DomainRef domain = words.domain();
    long iova = words.hex("IOVA");
    return session -> Action.hex(session.domain(domain).iovaToPhys(iova));
  }

  private static Action flushAll(Words words) {
    DomainRef domain = words.domain();
    return Action.ok(
        session -> {
          if (session.domain(domain) instanceof PagingDomain paging) {
            paging.flushIotlbAll();
          }
        });
  }
}
