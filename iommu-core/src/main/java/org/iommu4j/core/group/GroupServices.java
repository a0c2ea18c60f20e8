package org.iommu4j.core.group;

import org.iommu4j.core.domain.DriverGuard;
import org.iommu4j.core.lock.LockOrder;
import org.iommu4j.core.policy.DomainPolicy;
import org.iommu4j.core.trace.CoreTrace;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.Environment;

/**
 * What the groups and devices of one core share.
 *
 * @param order which locks threads hold
 * @param trace events, messages, violations
 * @param guard the fence around callbacks
 * @param policy the global default domain type
 * @param dmaLayer the DMA layer
 * @param environment what may refuse
 */
public record GroupServices(
    LockOrder order,
    CoreTrace trace,
    DriverGuard guard,
    DomainPolicy policy,
    DmaLayer dmaLayer,
    Environment environment) {}
