#!/usr/bin/env bash
# Debian's curl with the libraries that it needs, as a folder that it runs from wherever it lies: what asks the API on the host.
#
#   curl.sh OUT
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/../../guest/lib.sh"
(($# == 1)) || die "usage: curl.sh OUT"

program=$(command -v curl) || die "curl is not installed here"
make_scratch
install_program "$scratch" "$(realpath "$program")"
rm -rf "$1"
mkdir -p "$1/lib"
find "$scratch" -name '*.so*' ! -name 'ld-linux-*' -exec cp -t "$1/lib" {} +
cp "$scratch$(realpath "$program")" "$1/curl"
