/**
 * The surroundings of a core under test: a driver, its hardware-less domains, a DMA layer, an
 * environment and a tracer that write down what happens, and do what a test tells them besides.
 *
 * <p>It lies outside the packages of the core on purpose: to the core it is foreign code, as every
 * driver and every consumer is.
 */
@NullMarked
package org.iommu4j.fake;

import org.jspecify.annotations.NullMarked;
