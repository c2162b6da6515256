#!/usr/bin/env bash
# The disk of the boot benchmark: a small root with the monitors that are compared, their libraries, and what they boot.
#
#   payload.sh OUT RASTOS_VMM SPEND KEY.pem FILE...
#
# SPEND counts what the monitors spend (spend.c). Monitors that are not installed here are left out. The FILEs go into /boot.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/../guest/lib.sh"
(($# >= 5)) || die "usage: payload.sh OUT RASTOS_VMM SPEND KEY.pem FILE..."
out=$1 vmm=$2 spend=$3 key=$4 files=("${@:5}")

make_scratch
root=$scratch/root
mkdir -p "$root"/{boot,dev,proc,tmp,usr/bin,etc/rastos/keys}
cp "${files[@]}" "$root/boot/"
install -m 644 "$key" "$root/etc/rastos/keys/"
install -m 755 "$spend" "$root/usr/bin/spend"
install -m 755 -s "$vmm" "$root/usr/bin/rastos-vmm"
install_libraries "$root" "$vmm"
# rastos-vmm loads these when there is a signature to check, or a kernel to unpack.
install_program "$root" "$(find_library libcrypto.so.3)" "$(find_library liblz4.so.1)" "$(find_library liblzma.so.5)" "$(find_library libzstd.so.1)"
for peer in qemu-system-x86_64 lkvm firecracker cloud-hypervisor; do
	program=$(command -v "$peer") || continue
	install -m 755 "$program" "$root/usr/bin/$peer"
	install_libraries "$root" "$program"
done
if [[ -e $root/usr/bin/qemu-system-x86_64 ]]; then
	install -D -m 644 -t "$root/usr/share/qemu" /usr/share/qemu/{bios-microvm,pvh,kvmvapic}.bin /usr/share/seabios/bios-256k.bin
fi
ldconfig -r "$root" # so that nobody has to search for libraries
size_mib=$(($(du -s -m "$root" | cut -f 1) + 32))
rm -f "$out"
truncate -s "${size_mib}M" "$out"
mkfs.ext4 -q -F -m 0 -d "$root" "$out"
