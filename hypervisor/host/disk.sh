#!/usr/bin/env bash
# The host's disk image: a GPT with an EFI system partition, which holds the UKI as the default boot program, and a data
# partition for guests. Made with no root and no loop device; sparse.
#
#   disk.sh UKI.efi OUT FOLDER=FILE...
#
# Each FILE goes into FOLDER of the data partition.
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/../../guest/lib.sh"
(($# >= 2)) || die "usage: disk.sh UKI.efi OUT FOLDER=FILE..."
uki=$1 out=$2 files=("${@:3}")

readonly MIB=1048576
readonly ESP_START=1 ESP_MIB=127 DATA_START=128 DATA_MIB=12288
readonly DISK_MIB=$((DATA_START + DATA_MIB + 1))

partition_disk() {
	truncate -s ${DISK_MIB}M "$out"
	sfdisk --quiet "$out" <<-END
		label: gpt
		label-id: 52415354-4f53-4449-534b-000000000000
		start=${ESP_START}MiB, size=${ESP_MIB}MiB, type=uefi, name=esp, uuid=52415354-4f53-4449-534b-000000000001
		start=${DATA_START}MiB, size=${DATA_MIB}MiB, type=linux, name=rastos, uuid=52415354-4f53-4449-534b-000000000002
	END
}

make_esp() {
	local esp=$out@@${ESP_START}M
	mformat -i "$esp" -T $((ESP_MIB * MIB / 512)) -h 16 -s 63 -F -v ESP -N 52415354 ::
	mmd -i "$esp" ::/EFI ::/EFI/BOOT
	mcopy -i "$esp" "$uki" ::/EFI/BOOT/BOOTX64.EFI
}

rm -f "$out"
partition_disk
make_esp
make_ext4 rastos "$out" $((DATA_START * MIB)) $DATA_MIB "${files[@]}"
