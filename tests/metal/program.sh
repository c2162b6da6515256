#!/usr/bin/env bash
# One of Debian's programs with the libraries that it needs, as a folder that it runs from wherever it lies:
#
#   program.sh NAME OUT
#   LD_LIBRARY_PATH=OUT/lib OUT/NAME ...            on the host, which has a C library
#   OUT/lib/ld-linux-x86-64.so.2 --library-path OUT/lib OUT/NAME ...        in a guest, which has none
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/../../guest/lib.sh"
(($# == 2)) || die "usage: program.sh NAME OUT"

program=$(PATH=$PATH:/usr/sbin command -v "$1") || die "$1 is not installed here"
make_scratch
install_program "$scratch" "$(realpath "$program")"
rm -rf "$2"
mkdir -p "$2/lib"
find "$scratch" -name '*.so*' -exec cp -t "$2/lib" {} +
cp "$scratch$(realpath "$program")" "$2/$1"
