package org.iommu4j.core.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaBuild;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.core.trace.CoreTrace;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command line, the platform, and what becomes of them. */
final class DomainPolicyTest {
  private final List<String> texts = new ArrayList<>();
  private final CoreTrace trace = new CoreTrace();

  DomainPolicyTest() {
    trace.add(
        new IommuTracer() {
          @Override
          public void message(CoreMessage message, @Nullable Device device, String text) {
            texts.add(text);
          }
        });
  }

  private static BootParameters withForcedac(String text) {
    return new BootParameters(null, null, text, false, false, false, DmaBuild.GENERIC);
  }

  private DomainPolicy policy(BootParameters boot) {
    return new DomainPolicy(boot, trace);
  }

  @ParameterizedTest // CORE-187
  @ValueSource(
      strings = {
        "e", "E", "enable", "y", "Y", "yes", "t", "T", "true", "1", "17", "on", "ON", "oNx"
      })
  void recognisesTrue(String text) {
    assertThat(DomainPolicy.parse(text)).contains(true);
  }

  @ParameterizedTest // CORE-187
  @ValueSource(
      strings = {
        "d", "D", "disable", "n", "No", "f", "False", "0", "01", "of", "off", "OFF", "ofx"
      })
  void recognisesFalse(String text) {
    assertThat(DomainPolicy.parse(text)).contains(false);
  }

  @ParameterizedTest // CORE-187
  @NullSource
  @ValueSource(strings = {"", "o", "ox", "2", " 1", "-1", "k", "x", "\n"})
  void refusesEverythingElse(@Nullable String text) {
    assertThat(DomainPolicy.parse(text)).isEmpty();
  }

  @Property // CORE-187: only the first characters count
  void onlyTheFirstCharactersCount(@ForAll("texts") String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    char first = lower.isEmpty() ? ' ' : lower.charAt(0);
    Optional<Boolean> expected = Optional.empty();
    if ("eyt1".indexOf(first) >= 0 || lower.startsWith("on")) {
      expected = Optional.of(true);
    } else if ("dnf0".indexOf(first) >= 0 || lower.startsWith("of")) {
      expected = Optional.of(false);
    }
    assertThat(DomainPolicy.parse(text)).isEqualTo(expected);
  }

  @Provide
  Arbitrary<String> texts() {
    return Arbitraries.strings().withChars("onfeytdOFEYTDN012 x").ofMaxLength(4);
  }

  @ParameterizedTest // CORE-182, CORE-183, CORE-184
  @CsvSource({
    // passthrough, strict, encrypted, build passthrough, build strict, type
    ",,false,false,false,DMA_FQ",
    ",1,false,false,false,DMA",
    ",0,false,false,true,DMA_FQ",
    ",,false,false,true,DMA",
    "1,,false,false,false,IDENTITY",
    "1,1,false,false,false,IDENTITY",
    "0,,false,true,false,DMA_FQ",
    "0,1,false,true,false,DMA",
    ",,false,true,false,IDENTITY",
    ",,true,true,false,DMA_FQ",
    ",1,true,true,false,DMA",
    "1,,true,false,false,IDENTITY",
    "maybe,,false,false,false,DMA_FQ",
    "maybe,maybe,false,true,true,IDENTITY",
  })
  void theDefaultTypeFollowsFromAll(
      String passthrough,
      String strict,
      boolean encrypted,
      boolean buildPassthrough,
      boolean buildStrict,
      DomainType expected) {
    DomainPolicy policy =
        policy(
            BootParameters.NONE
                .withPassthrough(passthrough)
                .withStrict(strict)
                .withMemoryEncrypted(encrypted)
                .withBuild(buildPassthrough, buildStrict));
    assertThat(policy.defaultType()).isEqualTo(expected);
    assertThat(policy.passthrough()).isEqualTo(expected == DomainType.IDENTITY);
  }

  @Test // CORE-183
  void driversMayForceStrictAtRunTime() {
    DomainPolicy lazy = policy(BootParameters.NONE);
    lazy.setStrict();
    assertThat(lazy.defaultType()).isEqualTo(DomainType.DMA);
    DomainPolicy identity = policy(BootParameters.NONE.withPassthrough("1"));
    identity.setStrict();
    assertThat(identity.defaultType()).isEqualTo(DomainType.IDENTITY);
  }

  @Test // CORE-185
  void theSettersChangeTheDefault() {
    DomainPolicy policy = policy(BootParameters.NONE);
    policy.setPassthrough(false);
    assertThat(policy.passthrough()).isTrue();
    policy.setTranslated(true);
    assertThat(policy.passthrough()).isFalse();
    assertThat(policy.defaultType()).isEqualTo(DomainType.DMA);
  }

  @Test // CORE-186
  void forcedacIsFalseUnlessAsked() {
    assertThat(policy(BootParameters.NONE).forcedac()).isFalse();
    assertThat(policy(withForcedac("y")).forcedac()).isTrue();
    assertThat(policy(withForcedac("?")).forcedac()).isFalse();
  }

  @Test // CORE-188, CORE-011
  void theStartIsAnnounced() {
    policy(BootParameters.NONE);
    policy(BootParameters.NONE.withPassthrough("0").withStrict("1"));
    policy(BootParameters.NONE.withPassthrough("1").withStrict("1"));
    assertThat(texts)
        .containsExactly(
            "Default domain type: Translated",
            "DMA domain TLB invalidation policy: lazy mode",
            "Default domain type: Translated (set via kernel command line)",
            "DMA domain TLB invalidation policy: strict mode (set via kernel command line)",
            "Default domain type: Passthrough (set via kernel command line)");
  }

  @Test // CORE-184: encryption overrides the build, not the command line
  void memoryEncryptionIsAnnounced() {
    policy(BootParameters.NONE.withMemoryEncrypted(true).withBuild(true, false));
    assertThat(texts.get(0)).contains("memory encryption");
    texts.clear();
    policy(
        BootParameters.NONE.withPassthrough("1").withMemoryEncrypted(true).withBuild(true, false));
    assertThat(texts).noneMatch(text -> text.contains("memory encryption"));
  }
}
