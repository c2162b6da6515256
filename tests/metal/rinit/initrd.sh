#!/usr/bin/env bash
# The initrd of the machine of rinit's tests: rinit, modprobe, and the modules of the root's disk. What else the machine has is
# left to the root's own rinit.
#
#   initrd.sh KERNEL_DIR RINIT_STATIC OUT
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/../../../guest/lib.sh"
(($# == 3)) || die "usage: initrd.sh KERNEL_DIR RINIT_STATIC OUT"

make_scratch
root=$scratch/root
mkdir -p "$root"/{bin,dev,etc,proc,run,sys,tmp}
ln -s bin "$root/sbin"
install -m 755 "$2" "$root/init"
install_busybox "$root"
install_modules "$1" "$root" virtio_pci virtio_blk
pack_initramfs "$root" "$3"
