#!/usr/bin/env bash
# Guest kernels.
#
#   kernel.sh stock OUT_DIR   Debian's linux-image-cloud-amd64, unpacked: OUT_DIR/{vmlinuz,version,lib/modules/}
#   kernel.sh desktop OUT_DIR Debian's linux-image-amd64 in the same way: it has drivers for screens, keyboards and mice
#   kernel.sh tuned OUT_DIR   built from Debian's linux-source-6.1 with configs/kernel/*.config:
#                             OUT_DIR/{vmlinux,bzImage,config,version}; cached outside the build folder
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/lib.sh"

readonly SOURCE_PACKAGE=linux-source-6.1
readonly STOCK_PACKAGE=linux-image-cloud-amd64
readonly DESKTOP_PACKAGE=linux-image-amd64

# make_debian PACKAGE OUT_DIR
make_debian() {
	local out=$2 package deb
	package=$(deb_depends "$1" 'linux-image-[0-9].*')
	deb=$(deb_fetch "$package")
	rm -rf "$out"
	mkdir -p "$out"
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$out" ./boot ./lib
	mv "$out"/boot/vmlinuz-* "$out/vmlinuz"
	basename "$out"/lib/modules/* >"$out/version"
	depmod -b "$out" "$(cat "$out/version")"
}

# The cache's key: everything that the kernel's bytes depend on.
tuned_key() {
	{
		deb_version "$SOURCE_PACKAGE"
		gcc -dumpfullversion
		echo "$SOURCE_DATE_EPOCH"
		cat "$here/kernel-tuned.sh" "$@"
	} | sha256sum | cut -d ' ' -f 1
}

make_tuned() {
	local out=$1 fragments=("$here"/../configs/kernel/*.config) cached
	cached=$(cache_dir kernel)/$(tuned_key "${fragments[@]}")
	if [[ ! -d $cached ]]; then
		partial=$(mktemp -d "$(cache_dir kernel)/partial.XXXXXX")
		trap 'rm -rf "$partial"' EXIT
		"$here/kernel-tuned.sh" "$(deb_fetch "$SOURCE_PACKAGE")" "$partial" "${fragments[@]}"
		mv -T "$partial" "$cached"
	fi
	rm -rf "$out"
	mkdir -p "$out"
	cp "$cached"/* "$out/"
}

case ${1-}:$# in
stock:2) make_debian "$STOCK_PACKAGE" "$2" ;;
desktop:2) make_debian "$DESKTOP_PACKAGE" "$2" ;;
tuned:2) make_tuned "$2" ;;
*) sed -n '2,/^set/{/^#/p}' "$0" >&2 && exit 2 ;;
esac
