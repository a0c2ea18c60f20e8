package org.iommu4j.tests.parity;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaConstructor;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.properties.CanBeAnnotated;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.iommu4j.api.Mirrors;

/** Finds the elements of the published modules that say which names of the kernel they mirror. */
final class MirroredNames {
  private static final String ROOT = "org.iommu4j.";

  /** Modules that nobody depends on. */
  private static final List<String> UNPUBLISHED =
      List.of(ROOT + "tests", ROOT + "examples", ROOT + "bench");

  /** Below this package nothing is exported. */
  private static final String INSIDE = ROOT + "core.";

  private final SortedMap<String, SortedSet<String>> elements = new TreeMap<>();

  private MirroredNames() {}

  /**
   * Looks at every class.
   *
   * @return kernel name to the Java elements that mirror it, in Markdown
   */
  static SortedMap<String, SortedSet<String>> collect() {
    MirroredNames found = new MirroredNames();
    for (JavaClass type : classes()) {
      if (UNPUBLISHED.stream().noneMatch(type.getPackageName()::startsWith)) {
        found.visit(type);
      }
    }
    return found.elements;
  }

  /** Without the classes of the JDK and of libraries: they mirror nothing and take long to read. */
  private static JavaClasses classes() {
    return ArchConfiguration.withThreadLocalScope(
        configuration -> {
          configuration.setResolveMissingDependenciesFromClassPath(false);
          return new ClassFileImporter().importPackages("org.iommu4j");
        });
  }

  private void visit(JavaClass type) {
    String typeName =
        type.getName().substring(type.getPackageName().length() + 1).replace('$', '.');
    boolean exported = !type.getPackageName().startsWith(INSIDE);
    note(type, typeName, exported);
    for (JavaMember member : type.getMembers()) {
      String name =
          member instanceof JavaConstructor ? "new " + typeName : typeName + "." + member.getName();
      note(member, name, exported);
    }
  }

  private void note(CanBeAnnotated element, String name, boolean exported) {
    if (!element.isAnnotatedWith(Mirrors.class)) {
      return;
    }
    Mirrors mirrors =
        element instanceof JavaClass type
            ? type.getAnnotationOfType(Mirrors.class)
            : ((JavaMember) element).getAnnotationOfType(Mirrors.class);
    String shown = exported ? "`" + name + "`" : "*`" + name + "`*";
    for (String mirrored : mirrors.value()) {
      elements.computeIfAbsent(mirrored, absent -> new TreeSet<>()).add(shown);
    }
  }
}
