package org.iommu4j.testkit.linux;

/**
 * The single-root I/O virtualisation capability of a physical function.
 *
 * @param total how many virtual functions it can have, 0 to 0xffff
 * @param offset distance from its requester id to that of the first virtual function
 * @param stride distance from each virtual function to the next
 * @param vfDeviceId device id of the virtual functions
 */
public record SriovFacts(int total, int offset, int stride, int vfDeviceId) {}
