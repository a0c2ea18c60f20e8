package org.iommu4j.api;

/** A domain that blocks all DMA. */
public non-sealed interface BlockedDomain extends Domain {}
