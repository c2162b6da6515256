#!/usr/bin/env bash
# A disk as a sparse file with an ext4 file system.
#
#   data-disk.sh LABEL SIZE_MIB OUT [FOLDER=FILE|FOLDER...]
#
# Each FILE, be it a folder, or nothing goes into FOLDER.
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/lib.sh"
(($# >= 3)) || die "usage: data-disk.sh LABEL SIZE_MIB OUT [FOLDER=FILE|FOLDER...]"

rm -f "$3"
truncate -s "$2M" "$3"
make_ext4 "$1" "$3" 0 "$2" "${@:4}"
