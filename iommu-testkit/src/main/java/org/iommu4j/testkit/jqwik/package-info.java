/**
 * Property tests with jqwik: arbitraries for what an IOMMU is asked to do, and histories that run
 * on a domain and a device and compare what the device sees with a model.
 *
 * <p>The only package that touches jqwik, which its users bring along: {@code net.jqwik:jqwik}.
 */
@NullMarked
package org.iommu4j.testkit.jqwik;

import org.jspecify.annotations.NullMarked;
