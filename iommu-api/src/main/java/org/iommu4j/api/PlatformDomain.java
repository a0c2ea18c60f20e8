package org.iommu4j.api;

/** A domain whose translation the platform controls, outside the core. */
public non-sealed interface PlatformDomain extends Domain {}
