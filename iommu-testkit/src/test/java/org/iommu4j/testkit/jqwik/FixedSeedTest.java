package org.iommu4j.testkit.jqwik;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import java.util.Optional;
import net.jqwik.api.lifecycle.PropagationMode;
import net.jqwik.api.lifecycle.PropertyAttributes;
import net.jqwik.api.lifecycle.PropertyExecutionResult;
import net.jqwik.api.lifecycle.PropertyExecutor;
import net.jqwik.api.lifecycle.PropertyLifecycleContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FixedSeedTest {
  private final String before = System.getProperty("iommu4j.seed", "");
  private final PropertyAttributes attributes = mock(PropertyAttributes.class);
  private final PropertyLifecycleContext context = mock(PropertyLifecycleContext.class);
  private final PropertyExecutor property = mock(PropertyExecutor.class);
  private final PropertyExecutionResult result = mock(PropertyExecutionResult.class);

  @AfterEach
  void restore() {
    if (before.isEmpty()) {
      System.clearProperty("iommu4j.seed");
    } else {
      System.setProperty("iommu4j.seed", before);
    }
  }

  private void run(Optional<String> own) {
    when(context.attributes()).thenReturn(attributes);
    when(attributes.seed()).thenReturn(own);
    when(property.execute()).thenReturn(result);
    assertThat(new FixedSeed().aroundProperty(context, property)).isSameAs(result);
  }

  @Test
  void theSystemPropertyDecides() {
    System.setProperty("iommu4j.seed", "4711");
    run(Optional.empty());
    verify(attributes).setSeed("4711");
  }

  @Test
  void aSeedOfItsOwnStays() {
    System.setProperty("iommu4j.seed", "4711");
    run(Optional.of("1"));
    verify(attributes, never()).setSeed(any());
  }

  @Test
  void chanceWithoutTheSystemProperty() {
    System.clearProperty("iommu4j.seed");
    run(Optional.empty());
    verify(attributes, never()).setSeed(any());
  }

  @Test
  void appliesToAllProperties() {
    assertThat(new FixedSeed().propagateTo()).isEqualTo(PropagationMode.ALL_DESCENDANTS);
  }
}
