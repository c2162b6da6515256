#!/usr/bin/env bash
# A unified kernel image: one EFI program that holds kernel, initrd and command line (systemd's uki(5) format).
#
#   uki.sh KERNEL INITRD CMDLINE OUT.efi
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/../../guest/lib.sh"
(($# == 4)) || die "usage: uki.sh KERNEL INITRD CMDLINE OUT.efi"
kernel=$1 initrd=$2 cmdline=$3 out=$4

readonly STUB=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
readonly ALIGNMENT=4096
[[ -e $STUB ]] || die "$STUB is missing: install systemd-boot-efi"

make_scratch
printf 'ID=rastos\nNAME=rastOS\nPRETTY_NAME="rastOS host"\n' >"$scratch/osrel"
printf '%s' "$cmdline" >"$scratch/cmdline"

# The sections lie behind the stub's own in memory, one after the other, none over another.
address=$(objdump -h "$STUB" | awk '$2 ~ /^\./ { print "0x" $3, "0x" $4 }' | while read -r size start; do
	echo $((size + start))
done | sort -n | tail -n 1)
sections=()
add_section() {
	address=$(((address + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT))
	sections+=(--add-section ".$1=$2" --change-section-vma ".$1=$address")
	address=$((address + $(stat -L -c %s "$2")))
}
add_section osrel "$scratch/osrel"
add_section cmdline "$scratch/cmdline"
add_section initrd "$initrd"
# The kernel is unpacked behind itself, so it comes last.
add_section linux "$kernel"
objcopy "${sections[@]}" "$STUB" "$out"
