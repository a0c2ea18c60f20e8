package org.iommu4j.testkit.jqwik;

import net.jqwik.api.lifecycle.AroundPropertyHook;
import net.jqwik.api.lifecycle.PropagationMode;
import net.jqwik.api.lifecycle.PropertyExecutionResult;
import net.jqwik.api.lifecycle.PropertyExecutor;
import net.jqwik.api.lifecycle.PropertyLifecycleContext;

/**
 * Gives every property that names no seed the one in the system property {@code iommu4j.seed}, so
 * that two runs of a build try the same things. Without that property nothing changes.
 *
 * <p>Put {@code @AddLifecycleHook(FixedSeed.class)} on a class, or name this class in {@code
 * META-INF/services/net.jqwik.api.lifecycle.LifecycleHook} of your test resources.
 */
public final class FixedSeed implements AroundPropertyHook {
  /** Creates the hook, for jqwik. */
  public FixedSeed() {}

  @Override
  public PropagationMode propagateTo() {
    return PropagationMode.ALL_DESCENDANTS;
  }

  @Override
  public PropertyExecutionResult aroundProperty(
      PropertyLifecycleContext context, PropertyExecutor property) {
    String seed = System.getProperty("iommu4j.seed");
    if (seed != null && context.attributes().seed().isEmpty()) {
      context.attributes().setSeed(seed);
    }
    return property.execute();
  }
}
