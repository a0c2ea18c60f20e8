package org.iommu4j.api;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Names the kernel functions, fields or constants whose behaviour an element reproduces. */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.FIELD, ElementType.CONSTRUCTOR})
public @interface Mirrors {
  /**
   * The mirrored names, as the kernel spells them.
   *
   * @return at least one name
   */
  String[] value();
}
