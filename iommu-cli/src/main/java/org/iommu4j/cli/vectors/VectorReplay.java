package org.iommu4j.cli.vectors;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;

/** Does what a case asks for and writes down what comes of it, in the grammar of the recording. */
final class VectorReplay {
  private final BumpMemory memory;
  private final TableUnderTest table;

  private VectorReplay(VectorCase recorded, PhysicalMemory words) {
    memory = new BumpMemory(words);
    table =
        ArmTable.knows(recorded.setup().format())
            ? ArmTable.of(recorded, memory)
            : GenericTable.of(recorded, memory);
  }

  /** Whether there are tables of a format. */
  static boolean knows(String format) {
    return ArmTable.knows(format) || GenericTable.knows(format);
  }

  /** Runs a case, with its tables in words that are all zero. */
  static VectorResult run(VectorCase recorded, PhysicalMemory words) {
    List<VectorStep> mine = new ArrayList<>();
    try {
      var replay = new VectorReplay(recorded, words);
      for (VectorStep step : recorded.steps()) {
        mine.add(new VectorStep(step.op(), replay.run(step.op())));
      }
    } catch (IommuException refused) {
      String line = "init " + -refused.errno().number();
      mine.add(new VectorStep(new VectorOp.InitFailed(), List.of(line)));
    }
    return new VectorResult(recorded, mine);
  }

  private List<String> run(VectorOp op) {
    if (op instanceof VectorOp.Map map) {
      return List.of(map(map));
    } else if (op instanceof VectorOp.Unmap unmap) {
      return List.of(unmap(unmap));
    } else if (op instanceof VectorOp.Translate translate) {
      long paddr = table.translate(translate.iova());
      return List.of(String.format("op iova_to_phys 0x%x -> 0x%x", translate.iova(), paddr));
    } else if (op instanceof VectorOp.PageSizes sizes) {
      long inForce = table.restrictPageSizes(sizes.sizes());
      return List.of(String.format("pgsize_bitmap 0x%x", inForce));
    } else if (op instanceof VectorOp.Aperture) {
      long first = table.aperture().apertureStart();
      return List.of(String.format("aperture 0x%x 0x%x", first, table.aperture().apertureEnd()));
    } else if (op instanceof VectorOp.Hardware) {
      return List.of(table.hardware());
    } else if (op instanceof VectorOp.Dump) {
      return dump();
    }
    return List.of(); // the configuration is accepted
  }

  private String map(VectorOp.Map op) {
    long result = table.map(op.iova(), op.paddr(), op.size(), op.prot());
    int error = MapResult.isFailure(result) ? -MapResult.errno(result).number() : 0;
    return String.format(
        "op map 0x%x 0x%x 0x%x 0x%x -> %d 0x%x",
        op.iova(), op.paddr(), op.size(), op.prot(), error, MapResult.pages(result));
  }

  private String unmap(VectorOp.Unmap op) {
    var gather = new IotlbGather();
    long removed = table.unmap(op.iova(), op.size(), gather);
    return String.format(
        "op unmap 0x%x 0x%x -> 0x%x gather=0x%x..0x%x leaf=0x%x table=0x%x free=%s",
        op.iova(),
        op.size(),
        removed,
        gather.start(),
        gather.end(),
        gather.leafLevels(),
        gather.tableLevels(),
        freed(gather));
  }

  private String freed(IotlbGather gather) {
    var list = new StringJoiner(",").setEmptyValue("-");
    for (int i = 0; i < gather.freedCount(); i++) {
      list.add("T" + memory.number(gather.freed(i)));
    }
    return list.toString();
  }

  private List<String> dump() {
    List<String> lines = new ArrayList<>();
    lines.add("dump top level=" + table.topLevel() + " T" + memory.number(table.root()));
    Map<Long, String> paths = new HashMap<>();
    paths.put(table.root(), "-");
    table.visit(
        (level, at, index, entry, child) -> {
          String path = Objects.requireNonNull(paths.get(at));
          String line = "w " + level + " " + path + " " + index;
          if (child == TableVisitor.NO_CHILD) {
            lines.add(String.format("%s %016x", line, entry));
          } else {
            paths.put(child, path.equals("-") ? "" + index : path + "/" + index);
            long word = entry - child + memory.recorded(child);
            word = memory.recorded(child) == child ? entry : word;
            lines.add(String.format("%s %016x T%d", line, word, memory.number(child)));
          }
        });
    return lines;
  }
}
