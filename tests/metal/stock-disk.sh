#!/usr/bin/env bash
# A disk as a Debian user has it: GPT, a partition for a boot loader's own code, and ext4 with Debian's kernel, its initrd and
# systemd, as their packages make them. Nothing of rastOS is on it. Made once for each set of packages and kept outside the build
# folder, as kernels are.
#
#   stock-disk.sh OUT
set -euo pipefail
self=$(realpath "$0")
here=${self%/*}
# shellcheck source=guest/lib.sh
source "$here/../../guest/lib.sh"

readonly SIZE_MIB=900 ROOT_START_MIB=2
readonly PACKAGES=(linux-image-cloud-amd64 initramfs-tools zstd systemd systemd-sysv dbus udev login passwd util-linux)
readonly UUID=5261734f-5352-4f4f-5453-53544f434b01

# The cache's key: everything that the disk's content depends on.
disk_key() {
	{
		apt-cache policy "${PACKAGES[@]}" | grep -E '^[a-z]|^  Candidate:'
		cat "$self"
	} | sha256sum | cut -d ' ' -f 1
}

# Debian as a tar file, with root's password as the only thing that an installer would have asked for.
make_tar() {
	local sources=/etc/apt/sources.list.d/debian.sources
	[[ -e $sources ]] || sources=/etc/apt/sources.list
	mmdebstrap --mode=auto --variant=essential --include="$(paste -s -d , < <(printf '%s\n' "${PACKAGES[@]}"))" \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='echo root:rastos | chroot "$1" chpasswd' \
		--customize-hook='echo stock >"$1/etc/hostname"' \
		bookworm "$1" "$sources"
}

# make_disk TAR OUT: owners and modes are Debian's: only root, real or fakeroot's, can keep them.
make_disk() {
	local root=$scratch/root
	mkdir "$root"
	tar -x -p -f "$1" -C "$root" --exclude='./dev/*'
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
	echo "UUID=$UUID / ext4 errors=remount-ro 0 1" >"$root/etc/fstab"
	truncate -s "${SIZE_MIB}M" "$2"
	sfdisk --quiet "$2" <<-END
		label: gpt
		start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649
		start=${ROOT_START_MIB}MiB, type=linux
	END
	mkfs.ext4 -q -F -U "$UUID" -m 0 -E "offset=$((ROOT_START_MIB << 20))" -d "$root" "$2" $((SIZE_MIB - ROOT_START_MIB - 1))M
}

case $1 in
--disk)
	make_scratch
	make_disk "$2" "$3"
	;;
*)
	cached=$(cache_dir stock-disk)/$(disk_key).img
	if [[ ! -e $cached ]]; then
		make_scratch
		make_tar "$scratch/base.tar"
		partial=$(mktemp "${cached%/*}/partial.XXXXXX")
		as_root "$self" --disk "$scratch/base.tar" "$partial"
		rm -f "${cached%/*}"/*.img # what nobody asks for any more
		mv "$partial" "$cached"
	fi
	cp --sparse=always "$cached" "$1"
	;;
esac
