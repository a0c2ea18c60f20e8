/** The scenes of {@code iommuctl demo}. */
@NullMarked
package org.iommu4j.cli.demo;

import org.jspecify.annotations.NullMarked;
