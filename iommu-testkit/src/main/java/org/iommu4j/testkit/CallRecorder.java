package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.MapResult;
import org.jspecify.annotations.Nullable;

/**
 * Writes down what a core asks of any driver, as readable lines. Thread-safe.
 *
 * <pre>{@code
 * var recorder = new CallRecorder();
 * core.register(recorder.around(SoftIommu.on(hardware.port())));
 * core.probeDevice(nic);
 *
 * recorder.calls(DriverCallback.ATTACH_DEV);   // [attach_dev d1 0000:01:00.0]
 * }</pre>
 *
 * <p>A line is written when a call has ended: callback, operands and, where there is one, the
 * answer; {@code = -ENOMEM} for a refusal, {@code = 0x2 pages, -ENOMEM} for a map that got that
 * far. Translating domains are {@code d1}, {@code d2} and so on in the order in which the driver
 * made them. Not all of these calls are commands: {@code capable} and {@code get_resv_regions} only
 * ask.
 */
public final class CallRecorder {
  @GuardedBy("lines")
  private final List<Line> lines = new ArrayList<>();

  private record Line(DriverCallback callback, String text) {}

  /** Creates a recorder without lines. */
  public CallRecorder() {}

  /**
   * Puts this recorder before a driver. One recorder may serve several.
   *
   * @param instance an instance that is registered nowhere
   * @return what to register instead
   */
  public IommuDevice around(IommuDevice instance) {
    return new InterceptedIommuOps(instance.ops(), new Interceptor()).around(instance);
  }

  /**
   * The lines so far.
   *
   * @param only the callbacks to show; none for all
   * @return a copy, in the order in which calls ended
   */
  public List<String> calls(DriverCallback... only) {
    List<DriverCallback> shown = List.of(only);
    synchronized (lines) {
      return lines.stream()
          .filter(line -> shown.isEmpty() || shown.contains(line.callback()))
          .map(Line::text)
          .toList();
    }
  }

  /** Forgets all lines. */
  public void clear() {
    synchronized (lines) {
      lines.clear();
    }
  }

  private void add(DriverCall call, String answer) {
    synchronized (lines) {
      lines.add(new Line(call.callback(), call + answer));
    }
  }

  private final class Interceptor implements CallInterceptor {
    @Override
    public <T extends @Nullable Object> T call(DriverCall call, Supplier<T> body) {
      T answer;
      try {
        answer = body.get();
      } catch (IommuException refused) {
        add(call, " = -" + refused.errno());
        throw refused;
      } catch (RuntimeException | Error unexpected) {
        add(call, " threw " + unexpected);
        throw unexpected;
      }
      add(call, call.callback().returnsValue() ? " = " + text(call.callback(), answer) : "");
      return answer;
    }
  }

  private static String text(DriverCallback callback, @Nullable Object answer) {
    if (!(answer instanceof Long number)) {
      return String.valueOf(answer);
    }
    if (callback != DriverCallback.MAP_PAGES && callback != DriverCallback.MAP_RANGE) {
      return "0x" + Long.toHexString(number);
    }
    String pages = String.format("0x%x pages", MapResult.pages(number));
    return MapResult.isFailure(number) ? pages + ", -" + MapResult.errno(number) : pages;
  }

  @Override
  public String toString() {
    return String.join("\n", calls());
  }
}
