#!/usr/bin/env bash
# The host's whole userland, as an initramfs: rinit, rastos-vmm, passt, qemu-storage-daemon, virtiofsd, ip, nft, dnsmasq, busybox, and the libraries and modules they need.
#
#   initramfs.sh KERNEL_DIR BIN_DIR KEY.pem OUT [OVERLAY_DIR...]
#
# BIN_DIR holds rinit.static, rinitctl.static, rastos-vmm, rastos-domain-xml and rastos-display. Each OVERLAY_DIR is copied over the root at
# last, in order: that is how a test adds its services.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/../../guest/lib.sh"
(($# >= 4)) || die "usage: initramfs.sh KERNEL_DIR BIN_DIR KEY.pem OUT [OVERLAY_DIR...]"
kernel=$1 bin=$2 key=$3 out=$4
overlays=("$here/../../configs/host" "${@:5}")

make_scratch
root=$scratch/root
mkdir -p "$root"/{bin,dev,etc/rastos/keys,lib,lib64,proc,root,run,sys,tmp,usr/bin,usr/sbin,var/lib/rastos}
ln -s bin "$root/sbin"
install -m 755 "$bin/rinit.static" "$root/bin/rinit"
install -m 755 "$bin/rinitctl.static" "$root/bin/rinitctl"
ln -s sbin/rinit "$root/init"
ln -s rinit "$root/bin/init"
for command in poweroff reboot halt; do
	ln -s rinitctl "$root/bin/$command"
done
install_busybox "$root"
install -m 755 -s "$bin/rastos-vmm" "$root/usr/bin/rastos-vmm"
install_libraries "$root" "$bin/rastos-vmm"
# What turns libvirt domain XML into definitions, and the schema that it looks at.
install -m 755 -s "$bin/rastos-domain-xml" "$root/usr/bin/rastos-domain-xml"
install_libraries "$root" "$bin/rastos-domain-xml"
# What shows guests' screens.
install -m 755 -s "$bin/rastos-display" "$root/usr/bin/rastos-display"
install_libraries "$root" "$bin/rastos-display"
mkdir -p "$root/usr/share/libvirt"
cp -r --no-preserve=ownership /usr/share/libvirt/schemas "$root/usr/share/libvirt/"
install_program "$root" "$(find_library libcrypto.so.3)" # rastos-vmm loads it when there is a signature to check
# What undoes the compression of a guest's kernel.
install_program "$root" "$(find_library liblz4.so.1)" "$(find_library liblzma.so.5)" "$(find_library libzstd.so.1)"
# It loads these two, too, for its API.
install_program "$root" "$(find_library libmicrohttpd.so.12)" "$(find_library libgnutls.so.30)"
# kmod's modprobe, since busybox' cuts names at 256 bytes, and a processor, which asks for kvm-amd or kvm-intel, has longer.
install_program "$root" /bin/kmod
ln -sf kmod "$root/bin/modprobe"
install_program "$root" "$(command -v passt)" "$(command -v passt.avx2)"
# What serves guests' disks that are not raw.
install_program "$root" "$(command -v qemu-storage-daemon)"
# What serves the host's directories to guests.
install_program "$root" /usr/lib/qemu/virtiofsd
# What reads disks of guests that are not ours.
install_program "$root" /sbin/debugfs /sbin/sfdisk
# The tools of guests' networks. Busybox' ip reads no commands from a file.
install_program "$root" "$(realpath "$(PATH=$PATH:/usr/sbin command -v ip)")" "$(PATH=$PATH:/usr/sbin command -v nft)" \
	"$(PATH=$PATH:/usr/sbin command -v dnsmasq)"
ln -sf /usr/bin/ip "$root/bin/ip"
install -m 644 "$key" "$root/etc/rastos/keys/"
mapfile -t modules < <(list_words "$here/modules")
install_modules "$kernel" "$root" "${modules[@]}"
for overlay in "${overlays[@]}"; do
	cp -r --no-preserve=ownership "$overlay/." "$root/"
done
pack_initramfs "$root" "$out"
