#!/usr/bin/env bash
# Builds and tests this project, and runs its demo, twice: on the class path and on the module path.
#
#   MVN_ARGS    more arguments for Maven, for example -o (offline) or -Dmaven.repo.local=FOLDER
#   JAVA_HOME   the JDK to use (17 or later); without it, the java on the PATH
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

java=java
[[ -z ${JAVA_HOME:-} ]] || java=$JAVA_HOME/bin/java

# demo MODULE TESTKIT JAVA_ARGUMENT...: runs the demo and looks at what it says.
demo() {
  local machine="machine: $1" testkit="testkit: $2" output
  shift 2
  output=$("$java" "$@" demo/Demo.java)
  printf '%s\n' "$output"
  if [[ $output != *"0x40001000: 42"*"$machine"*"$testkit"* ]]; then
    printf 'build.sh: the demo should end in "%s" and "%s"\n' "$machine" "$testkit" >&2
    exit 1
  fi
}

printf '\n=== on the class path\n'
# shellcheck disable=SC2086  # several arguments in one variable
mvn -B -ntp ${MVN_ARGS:-} verify
demo "unnamed module" "unnamed module" \
  -cp "target/class-path/pocket-iommu.jar:target/class-path/lib/*"

printf '\n=== on the module path\n'
# shellcheck disable=SC2086
mvn -B -ntp ${MVN_ARGS:-} -Dmodules verify
demo "module com.example.pocket" "module org.iommu4j.testkit" \
  -p "target/module-path/pocket-iommu.jar:target/module-path/lib" \
  --add-modules com.example.pocket,org.iommu4j.testkit
