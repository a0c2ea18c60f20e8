package org.iommu4j.tests.parity;

/**
 * A declared name of the kernel.
 *
 * @param name as the kernel spells it
 * @param kind what it names, for example {@code struct field}
 * @param rules the rule that speaks of it, or the section of the rules
 */
record KernelName(String name, String kind, String rules) {}
