package org.iommu4j.tests.arch;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;

/** All classes of the library and its tools, without tests. */
final class House {
  private static final String ROOT = "org.iommu4j";

  private House() {}

  /** Reads them; a few seconds. */
  static JavaClasses classes() {
    return new ClassFileImporter()
        .withImportOption(new ImportOption.DoNotIncludeTests())
        .importPackages(ROOT);
  }

  /** How many named classes lie in a package or below it. */
  static long count(JavaClasses classes, String room) {
    return classes.stream()
        .filter(type -> isIn(type, ROOT + "." + room) && !type.isAnonymousClass())
        .count();
  }

  private static boolean isIn(JavaClass type, String name) {
    return type.getPackageName().equals(name) || type.getPackageName().startsWith(name + ".");
  }
}
