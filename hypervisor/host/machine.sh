#!/usr/bin/env bash
# The machine that the host boots in where there is no other: QEMU, from UEFI on. Runs until the machine is off.
#
#   machine.sh RUN_DIR DISK [QEMU_OPTION...]
#
# DISK is not written: what the host changes on it is gone with the machine. In RUN_DIR, whose path must be short since
# sockets' paths are, there are then
#   console.sock   the serial console       console.log   all that came from it
#   vmm.sock       rastos-vmm's control protocol (rastos-vmm --connect)
set -euo pipefail
# shellcheck source=guest/lib.sh
source "$(dirname "$(realpath "$0")")/../../guest/lib.sh"
(($# >= 2)) || die "usage: machine.sh RUN_DIR DISK [QEMU_OPTION...]"
run=$1 disk=$2

readonly FIRMWARE=/usr/share/OVMF
mkdir -p "$run"
rm -f "$run"/console.{sock,log} "$run/vmm.sock"
cp "$FIRMWARE/OVMF_VARS_4M.fd" "$run/firmware-vars.fd"

if has_hardware_kvm; then
	accelerator=(-accel kvm -cpu host)
else
	# The emulated processor has AMD's virtualization with nested paging. It does not intercept XSETBV, so that with XSAVE a
	# guest's kernel would find its state's size inconsistent and warn; and what needs XSAVE goes with it, since programs
	# (netavark for one) look for AVX alone.
	accelerator=(-accel "tcg,thread=multi" -cpu "max,+svm,-xsave,-avx,-avx2,-fma,-f16c,-vaes,-vpclmulqdq,-mpx,-pku")
fi

exec qemu-system-x86_64 -name rastos-host -M q35 "${accelerator[@]}" -smp 2 -m 2000 \
	-nodefaults -display none -no-reboot \
	-drive "if=pflash,format=raw,unit=0,readonly=on,file=$FIRMWARE/OVMF_CODE_4M.fd" \
	-drive "if=pflash,format=raw,unit=1,file=$run/firmware-vars.fd" \
	-drive "if=virtio,format=raw,snapshot=on,file=$disk" \
	-chardev "socket,id=console,path=$run/console.sock,server=on,wait=off,logfile=$run/console.log,logappend=off" \
	-serial chardev:console \
	-device virtio-serial-pci \
	-chardev "socket,id=vmm,path=$run/vmm.sock,server=on,wait=off" \
	-device virtserialport,chardev=vmm,name=org.rastos.vmm.0 \
	"${@:3}"
