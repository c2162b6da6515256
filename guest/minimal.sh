#!/usr/bin/env bash
# The minimal root: an initramfs of busybox and rinit, with the stock kernel's modules for rastos-vmm's devices.
#
#   minimal.sh KERNEL_DIR RINIT_STATIC RINITCTL OUT [MODULES]
#
# MODULES lists other modules than minimal/modules.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/lib.sh"
(($# == 4 || $# == 5)) || die "usage: minimal.sh KERNEL_DIR RINIT_STATIC RINITCTL OUT [MODULES]"
kernel=$1 rinit=$2 rinitctl=$3 out=$4 list=${5-$here/minimal/modules}

make_scratch
root=$scratch/root
mkdir -p "$root"/{bin,dev,etc,proc,root,run,sys,tmp,usr,var}
ln -s bin "$root/sbin"
cp -r "$here/../configs/minimal/." "$root/"
install -m 755 "$rinit" "$root/bin/rinit"
install -m 755 "$rinitctl" "$root/bin/rinitctl"
ln -s sbin/rinit "$root/init"
ln -s rinit "$root/bin/init"
for command in poweroff reboot halt; do
	ln -s rinitctl "$root/bin/$command"
done
install_units "$root/lib/systemd/system"
install_busybox "$root"
mapfile -t modules < <(list_words "$list")
install_modules "$kernel" "$root" "${modules[@]}"
pack_initramfs "$root" "$out"
