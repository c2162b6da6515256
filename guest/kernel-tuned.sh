#!/usr/bin/env bash
# The recipe of the tuned kernel: Debian's kernel source and our fragments in, vmlinux and bzImage out.
# What it makes is cached by the hash of this file and of its inputs (kernel.sh), so keep it to the recipe.
#
#   kernel-tuned.sh SOURCE_DEB OUT_DIR FRAGMENT...
set -euo pipefail

deb=$(realpath "$1") out=$(realpath "$2") fragments=()
for fragment in "${@:3}"; do
	fragments+=("$(realpath "$fragment")")
done

export ARCH=x86_64
# The same input gives the same bytes.
export KBUILD_BUILD_USER=rastos KBUILD_BUILD_HOST=rastos KBUILD_BUILD_VERSION=1
KBUILD_BUILD_TIMESTAMP=$(LC_ALL=C date -u -d "@${SOURCE_DATE_EPOCH:?}")
export KBUILD_BUILD_TIMESTAMP

unpack_source() {
	dpkg-deb --fsys-tarfile "$deb" | tar -x -O -f - --wildcards '*.tar.xz' |
		tar -x -J --strip-components=1 -f -
}

# Every line of every fragment must have survived Kconfig's own view of what depends on what.
verify_config() {
	local line option lost=0
	while read -r line; do
		option=${line%%=*}
		if [[ $line == *=n ]]; then
			! grep -q "^$option=" .config && continue
		else
			grep -q -x -F -- "$line" .config && continue
		fi
		echo "kernel config: $line of the fragments did not survive: .config has '$(grep -w "$option" .config)'" >&2
		lost=1
	done < <(grep -h '^CONFIG_' "${fragments[@]}")
	return "$lost"
}

# -n: what neither tiny.config nor a fragment names is off.
configure() {
	scripts/kconfig/merge_config.sh -n kernel/configs/tiny.config arch/x86/configs/tiny.config "${fragments[@]}" >merge.log
	verify_config
}

build_dir=$(mktemp -d "$out/build.XXXXXX")
trap 'rm -rf "$build_dir"' EXIT
trap 'exit 1' INT TERM
cd "$build_dir"
unpack_source
configure
nice -n 19 make -s -j"$(nproc)" vmlinux bzImage
strip -s -o "$out/vmlinux" vmlinux
cp arch/x86/boot/bzImage "$out/bzImage"
cp .config "$out/config"
make -s kernelversion >"$out/version"
