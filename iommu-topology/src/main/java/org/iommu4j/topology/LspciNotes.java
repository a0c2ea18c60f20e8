package org.iommu4j.topology;

import java.util.List;
import java.util.function.Predicate;
import org.iommu4j.api.PciTopology;

/** What an {@code lspci} text lacks for a prediction, in sentences. */
final class LspciNotes {
  private final PciTopology.Builder builder;
  private final List<LspciFunction> functions;

  LspciNotes(PciTopology.Builder builder, List<LspciFunction> functions) {
    this.builder = builder;
    this.functions = functions;
  }

  void add() {
    int silent = count(function -> !function.isVerbose());
    int denied = count(function -> function.facts.capabilitiesDenied);
    if (silent > 0) {
      builder.note(
          all(silent)
              + " printed without details: this is not the output of lspci -vvv; port types are"
              + " guessed and no ACS is assumed, so groups may come out larger than they are");
    } else if (denied > 0) {
      builder.note(
          "the capabilities are not shown: "
              + all(denied)
              + " denied access (<access denied>): lspci was not run as root; port types are guessed and no"
              + " ACS is assumed, so groups may come out larger than they are");
    } else if (count(function -> function.facts.acsCapability != null) == 0) {
      builder.note(
          "the text has no ACS lines at all: either nothing in this machine has the capability, or"
              + " it was not printed (wanted: sudo lspci -vvv); none is assumed");
    }
    int controls =
        count(
            function -> function.facts.acsCapability != null && function.facts.acsControl == null);
    if (controls > 0) {
      builder.note(
          Assembly.counted(controls, "ACS capability").replace("capabilitys", "capabilities")
              + " shown without ACSCap and ACSCtl lines (lspci -vv prints them): what groups need is"
              + " taken for switched on");
    }
    int unanswered = count(LspciFunction::isUnanswered);
    if (unanswered > 0) {
      builder.note(
          Assembly.counted(unanswered, "function")
              + " did not answer (powered off): type and ACS are guessed from the place");
    }
    if (count(function -> function.facts.vendor == 0) > 0) {
      builder.note(
          "ids are not printed (lspci -nn prints them): device tables apply only as far as names"
              + " tell the device");
    }
    if (count(function -> function.facts.group != null) == 0) {
      builder.note(
          "no IOMMU groups are recorded in the text: the kernel is taken to switch ACS on wherever it"
              + " is implemented, as it does with an IOMMU");
    }
  }

  private String all(int some) {
    return some == functions.size()
        ? "all functions are"
        : Assembly.counted(some, "function") + (some == 1 ? " is" : " are");
  }

  private int count(Predicate<LspciFunction> which) {
    return (int) functions.stream().filter(which).count();
  }
}
