#!/usr/bin/env bash
# Builds, tests and runs this project twice: on the class path and on the module path.
#
#   MVN_ARGS    more arguments for Maven, for example -o (offline) or -Dmaven.repo.local=FOLDER
#   JAVA_HOME   the JDK to use (17 or later); without it, the java on the PATH
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

java=java
[[ -z ${JAVA_HOME:-} ]] || java=$JAVA_HOME/bin/java

# run VARIANT MODULE JAVA_ARGUMENT...: runs the program and looks at what it says.
run() {
  local variant=$1 module=$2 output
  shift 2
  output=$("$java" "$@")
  printf '%s\n' "$output"
  if [[ $output != *"0x40001000: 42"*"$module"* ]]; then
    printf 'build.sh: not what was expected on the %s\n' "$variant" >&2
    exit 1
  fi
}

printf '\n=== on the class path\n'
# shellcheck disable=SC2086  # several arguments in one variable
mvn -B -ntp ${MVN_ARGS:-} verify
run "class path" "unnamed module" -cp "target/class-path/pocket-iommu.jar:target/class-path/lib/*" com.example.pocket.Main

printf '\n=== on the module path\n'
# shellcheck disable=SC2086
mvn -B -ntp ${MVN_ARGS:-} -Dmodules verify
run "module path" "module com.example.pocket" -p "target/module-path/pocket-iommu.jar:target/module-path/lib" -m com.example.pocket/com.example.pocket.Main
