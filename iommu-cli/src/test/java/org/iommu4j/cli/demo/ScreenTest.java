package org.iommu4j.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class ScreenTest {
  private final StringWriter out = new StringWriter();

  private Screen screen(boolean colour, boolean unicode) {
    return new Screen(new PrintWriter(out), colour, unicode);
  }

  @Test
  void coloursAreThereOnlyIfWanted() {
    screen(true, true).done("moved");
    assertThat(out.toString()).isEqualTo("     \u001b[32m\u2713\u001b[0m moved\n");
    out.getBuffer().setLength(0);
    screen(false, false).done("moved");
    assertThat(out.toString()).isEqualTo("     + moved\n");
  }

  @Test
  void scenesAreNumbered() {
    Screen screen = screen(false, false);
    screen.scene("First", "what it shows", "");
    screen.scene("Second");
    assertThat(out.toString()).isEqualTo("\n1  First\n   what it shows\n\n\n2  Second\n\n");
  }

  @Test
  void numbersStandToTheRight() {
    Table table = new Table("who", "count", "note");
    table.row("a", 1234567, "x");
    table.row("bb", 5L, "");
    table.show(screen(false, false));
    assertThat(out.toString().lines())
        .containsExactly("   who      count  note", "   a    1,234,567  x", "   bb           5");
  }

  @Test
  void classesHaveNames() {
    assertThat(DeviceClass.name("020000")).isEqualTo("Ethernet controller");
    assertThat(DeviceClass.name("0C0330")).isEqualTo("USB controller");
    assertThat(DeviceClass.name("129900")).isEqualTo("accelerator");
    assertThat(DeviceClass.name("")).isEqualTo("device");
    assertThat(DeviceClass.name("0")).isEqualTo("device");
  }
}
