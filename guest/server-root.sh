#!/usr/bin/env bash
# The server root as a read-only erofs: Debian's half (server-base.sh), ours (configs/server, rinit) and the stock kernel's
# modules.
#
#   server-root.sh BASE.tar KERNEL_DIR RINIT RINITCTL OUT.erofs
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/lib.sh"
(($# == 5)) || die "usage: server-root.sh BASE.tar KERNEL_DIR RINIT RINITCTL OUT.erofs"

# Owners and modes are Debian's: only root, real or fakeroot's, can keep them.
if ((EUID != 0)); then
	exec fakeroot -- "$0" "$@"
fi
base=$1 kernel=$2 rinit=$3 rinitctl=$4 out=$5

unpack_base() {
	tar -x -p -f "$base" -C "$root" --exclude='./dev/*'
	# Each guest makes its own: a key or an identity in an image is shared by all who boot it.
	rm -f "$root"/etc/ssh/ssh_host_*_key*
	mkdir -p "$root/var/lib/containers" # where the data disk's part is mounted
	: >"$root/etc/machine-id"
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/*
}

install_rinit() {
	install -m 755 -s "$rinit" "$root/usr/sbin/rinit"
	install -m 755 -s "$rinitctl" "$root/usr/sbin/rinitctl"
	install_units "$root/usr/lib/systemd/system"
	ln -sf rinit "$root/usr/sbin/init"
	ln -sf ../bin/busybox "$root/usr/sbin/udhcpc"
	for command in poweroff reboot halt shutdown telinit runlevel; do
		ln -sf rinitctl "$root/usr/sbin/$command"
	done
	ln -sf ../sbin/rinitctl "$root/usr/bin/systemctl" # where Debian's scripts look for it
}

# root logs in on the console without a password; sshd lets nobody in without one, nor root with one.
open_console() {
	sed -i 's/^root:[^:]*:/root::/' "$root/etc/shadow"
	cp -r --no-preserve=ownership "$here/../configs/server/." "$root/"
}

make_scratch
root=$scratch/root
mkdir "$root"
unpack_base
install_rinit
open_console
mapfile -t modules < <(list_words "$here/server/modules")
install_modules "$kernel" "$root" "${modules[@]}"
rm -f "$out"
mkfs.erofs --quiet -z lz4hc -T "$SOURCE_DATE_EPOCH" -U 5261734f-5352-4f4f-5453-525652303031 "$out" "$root"
