package org.iommu4j.api;

/** A domain in which DMA addresses are physical addresses. */
public non-sealed interface IdentityDomain extends Domain {}
