package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.reflect.Method;
import java.util.Arrays;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.mockito.Mockito;

class ForwardingTest {
  private static class Plain extends ForwardingIommuOps {
    Plain(IommuOps driver) {
      super(driver);
    }
  }

  private static final class PlainDomain extends ForwardingDomainOps {
    PlainDomain(DomainOps domain) {
      super(domain);
    }
  }

  private static final class PlainStatic extends ForwardingStaticDomain {
    PlainStatic(StaticDomain domain) {
      super(domain);
    }
  }

  private static final class PlainPaging extends ForwardingPagingDomainOps {
    PlainPaging(PagingDomainOps domain) {
      super(domain);
    }
  }

  /** Calls every method of an interface on a wrapper and finds each call at what it wraps. */
  private static <T> void assertForwardsAll(Class<T> type, T inner, T outer) throws Exception {
    for (Method method : type.getMethods()) {
      Object[] operands =
          Arrays.stream(method.getParameterTypes()).map(ForwardingTest::dummy).toArray();
      method.invoke(outer, operands);
      method.invoke(Mockito.verify(inner, Mockito.atLeastOnce()), operands);
    }
  }

  private static @Nullable Object dummy(Class<?> type) {
    if (type == long.class) {
      return 7L;
    }
    return type == int.class ? 7 : null;
  }

  @Test
  void nothingOfTheSpiIsForgotten() throws Exception {
    IommuOps driver = Mockito.mock(IommuOps.class);
    IommuDevice instance = Mockito.mock(IommuDevice.class);
    Mockito.when(driver.probeDevice(Mockito.any())).thenReturn(instance);
    assertForwardsAll(IommuOps.class, driver, new Plain(driver));

    DomainOps domain = Mockito.mock(DomainOps.class);
    assertForwardsAll(DomainOps.class, domain, new PlainDomain(domain));
    StaticDomain fixed = Mockito.mock(StaticDomain.class);
    assertForwardsAll(StaticDomain.class, fixed, new PlainStatic(fixed));
    PagingDomainOps paging = Mockito.mock(PagingDomainOps.class);
    assertForwardsAll(PagingDomainOps.class, paging, new PlainPaging(paging));
  }

  @Test
  void anInstanceIsWrappedOnceAndLooksTheSame() {
    FirmwareNode node = new FirmwareNode("iommu");
    IommuOps driver = new ToyIommu();
    IommuDevice inner = Mockito.mock(IommuDevice.class);
    Mockito.when(inner.ops()).thenReturn(driver);
    Mockito.when(inner.name()).thenReturn("toy0");
    Mockito.when(inner.firmwareNode()).thenReturn(node);
    Mockito.when(inner.maxPasids()).thenReturn(9);
    Plain wrapper = new Plain(driver);
    IommuDevice outer = wrapper.around(inner);
    assertThat(wrapper.around(inner)).isSameAs(outer);
    assertThat(outer.ops()).isSameAs(wrapper);
    assertThat(outer.name()).isEqualTo("toy0").isEqualTo(outer.toString());
    assertThat(outer.firmwareNode()).isSameAs(node);
    assertThat(outer.maxPasids()).isEqualTo(9);
    assertThat(wrapper.toString()).isEqualTo("toy");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> wrapper.around(new ToyIommu()))
        .withMessageContaining("belongs to toy");
  }

  @Test
  void aSharedDomainStaysOneObject() {
    Plain wrapper =
        new Plain(new ToyIommu()) {
          @Override
          protected StaticDomain wrapStatic(StaticDomain domain) {
            return new PlainStatic(domain);
          }
        };
    assertThat(wrapper.identityDomain())
        .isInstanceOf(PlainStatic.class)
        .isSameAs(wrapper.identityDomain())
        .isNotSameAs(wrapper.blockedDomain());
    assertThat(wrapper.releaseDomain()).isNull();
  }
}
