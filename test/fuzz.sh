#!/usr/bin/env bash
# Runs every fuzz target of the repository for the given time.
#
#   test/fuzz.sh 20s
set -euo pipefail

for package in $(go list ./...); do
  listed=$(go test -list '^Fuzz' "$package") # on its own, so that a package that doesn't build ends the script
  for target in $(grep '^Fuzz' <<<"$listed" || true); do
    echo "$package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package"
  done
done
