package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.ArgumentMatchers.same;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doNothing;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.inOrder;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.times;
import static org.mockito.Mockito.verify;

import java.time.Duration;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.junit.jupiter.api.Test;
import org.mockito.InOrder;

final class FlushQueueTest {
  private final PagingDomain domain = mock(PagingDomain.class);
  private final IovaSpace space = new IovaSpace(0x1000, DomainGeometry.ofBits(32));
  private final long allPages = space.freePages();
  private final Runnable timer = mock(Runnable.class);
  private final FlushQueue queue = new FlushQueue(domain, space, 4, timer);

  private void addOne() {
    queue.add(space.allocate(1, Long.MAX_VALUE), 1, null);
  }

  private long pagesInUse() {
    return allPages - space.freePages();
  }

  @Test // FQ-001, FQ-002, CORE-049
  void hasTwoShapes() {
    assertThat(FlushQueue.Shape.SMALL.capacity()).isEqualTo(255);
    assertThat(FlushQueue.Shape.SMALL.timeout()).isEqualTo(Duration.ofMillis(10));
    assertThat(FlushQueue.Shape.LARGE.capacity()).isEqualTo(32767);
    assertThat(FlushQueue.Shape.LARGE.timeout()).isEqualTo(Duration.ofSeconds(1));
  }

  @Test // FQ-008
  void startsTheTimerOncePerRound() {
    addOne();
    addOne();
    verify(timer).run();
    queue.expire();
    addOne();
    verify(timer, times(2)).run();
  }

  @Test // FQ-009: one expiry releases everything queued before it
  void releasesEverythingWhenTheTimerExpires() {
    addOne();
    addOne();
    assertThat(pagesInUse()).isEqualTo(2);
    queue.expire();
    verify(domain).flushIotlbAll();
    assertThat(pagesInUse()).isZero();
    assertThat(queue.size()).isZero();
  }

  @Test // FQ-007, FQ-010, CORE-548
  void flushesOnceWhenFullAndKeepsTheNewEntry() {
    for (int i = 0; i < 4; i++) {
      addOne();
    }
    verify(domain, never()).flushIotlbAll();
    addOne();
    verify(domain).flushIotlbAll();
    assertThat(queue.size()).isEqualTo(1);
    assertThat(pagesInUse()).isEqualTo(1);
  }

  @Test // FQ-005: a flush under way does not count for an entry that came during it
  void waitsForAFlushThatBeganLater() {
    addOne();
    doAnswer(
            call -> {
              addOne();
              return null;
            })
        .doNothing()
        .when(domain)
        .flushIotlbAll();
    queue.expire();
    assertThat(queue.size()).isEqualTo(1);
    assertThat(pagesInUse()).isEqualTo(1);
    verify(timer, times(2)).run();
    queue.expire();
    assertThat(pagesInUse()).isZero();
  }

  @Test // FQ-004, FQ-005: flushes overlap; the one that began later may finish first
  void releasesWhenTheLaterOfTwoOverlappingFlushesFinishesFirst() {
    doAnswer(
            call -> {
              addOne();
              queue.expire();
              assertThat(pagesInUse()).isZero();
              addOne();
              return null;
            })
        .doNothing()
        .when(domain)
        .flushIotlbAll();
    queue.expire();
    // The outer flush has finished last, but began before the remaining entry was queued.
    assertThat(pagesInUse()).isEqualTo(1);
  }

  @Test // FQ-003, FQ-006, FQ-017: table pages after the flush, and before the addresses
  void releasesTablePagesAfterTheFlush() {
    IotlbGather gather = new IotlbGather();
    gather.free(0x7000);
    long page = space.allocate(1, Long.MAX_VALUE);
    gather.addRange(space.addressOf(page), 0x1000);
    doAnswer(
            call -> {
              assertThat(pagesInUse()).isEqualTo(1);
              return null;
            })
        .when(domain)
        .iotlbSync(same(gather));
    queue.add(page, 1, gather);
    verify(domain, never()).iotlbSync(gather);
    queue.expire();
    InOrder order = inOrder(domain);
    order.verify(domain).flushIotlbAll();
    order.verify(domain).iotlbSync(same(gather));
    assertThat(pagesInUse()).isZero();
  }

  @Test
  void releasesNothingIfTheFlushFailsAndTriesAgain() {
    addOne();
    doThrow(new IllegalStateException("no hardware")).doNothing().when(domain).flushIotlbAll();
    assertThatThrownBy(queue::expire).hasMessage("no hardware");
    assertThat(pagesInUse()).isEqualTo(1);
    verify(timer, times(2)).run();
    queue.expire();
    assertThat(pagesInUse()).isZero();
  }

  @Test
  void keepsAnEntryWhoseFullFlushFails() {
    for (int i = 0; i < 4; i++) {
      addOne();
    }
    doThrow(new IllegalStateException("no hardware")).when(domain).flushIotlbAll();
    assertThatThrownBy(this::addOne).hasMessage("no hardware");
    assertThat(queue.size()).isEqualTo(5);
    doNothing().when(domain).flushIotlbAll();
    queue.expire();
    assertThat(pagesInUse()).isZero();
  }

  @Test // FQ-015, CORE-548: without a flush
  void abandonsTablePagesWithoutAFlush() {
    IotlbGather gather = new IotlbGather();
    gather.free(0x7000);
    addOne();
    queue.add(space.allocate(1, Long.MAX_VALUE), 1, gather);
    queue.abandon();
    verify(domain, never()).flushIotlbAll();
    verify(domain).iotlbSync(same(gather));
    assertThat(queue.size()).isZero();
  }
}
