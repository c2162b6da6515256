#!/usr/bin/env bash
# An empty disk, as a sparse file with an ext4 file system.
#
#   data-disk.sh LABEL SIZE OUT
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/lib.sh"
(($# == 3)) || die "usage: data-disk.sh LABEL SIZE OUT"
rm -f "$3"
truncate -s "$2" "$3"
make_ext4 "$1" "$3"
