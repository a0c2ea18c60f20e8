package org.iommu4j.testkit;

/**
 * What hardware found for an address in its page tables.
 *
 * @param paddr the physical address it leads to
 * @param pageBytes size of the page it lies in
 * @param readable whether it may be read
 * @param writable whether it may be written
 */
public record WalkedPage(long paddr, long pageBytes, boolean readable, boolean writable) {}
