# shellcheck shell=bash
# What the image scripts share. Source it after `set -euo pipefail`.

# The time that every file in an image bears, so that the same input gives the same bytes: 2025-01-01.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600}
export LC_ALL=C.UTF-8
umask 022

# die MESSAGE: one sentence on stderr that names the thing and what to do; then the end.
die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# cache_dir NAME: where things live that outlast a build folder.
cache_dir() {
	local dir=${XDG_CACHE_HOME:-$HOME/.cache}/rastos/$1
	mkdir -p "$dir"
	echo "$dir"
}

# deb_version PACKAGE: the version apt would install now.
deb_version() {
	local version
	version=$(apt-cache policy "$1" | sed -n 's/^  Candidate: //p')
	[[ -n $version && $version != "(none)" ]] ||
		die "apt knows no package $1: run 'apt-get update' as root and try again"
	echo "$version"
}

# deb_depends PACKAGE PATTERN: the first package that PACKAGE depends on and whose name matches PATTERN.
deb_depends() {
	apt-cache depends --important "$1" | sed -n "s/^ *Depends: \($2\)$/\1/p" | head -n 1
}

# deb_fetch PACKAGE: download PACKAGE (not install it) into the cache; prints the file's path.
deb_fetch() {
	local dir file
	dir=$(cache_dir debs)
	file=$dir/$1_$(deb_version "$1" | sed 's/:/%3a/')
	if ! compgen -G "${file}_*.deb" >/dev/null; then
		(cd "$dir" && apt-get -q -o APT::Sandbox::User=root download "$1" >&2) ||
			die "could not download $1: is the network there, and 'apt-get update' recent?"
	fi
	compgen -G "${file}_*.deb" | head -n 1
}

# as_root COMMAND...: run COMMAND so that files it makes belong to root: for real, or as fakeroot plays it.
as_root() {
	if ((EUID == 0)); then
		"$@"
	else
		fakeroot -- "$@"
	fi
}

# list_words FILE: the first word of every line of FILE; '#' starts a comment.
list_words() {
	sed -e 's/#.*//' "$1" | awk 'NF { print $1 }'
}

# install_modules KERNEL_DIR ROOT NAME...: the named modules and what they depend on, from a kernel that `kernel.sh stock`
# unpacked, into ROOT/lib/modules/; a name that the kernel has built in, or that is there already, adds nothing.
install_modules() {
	local kernel=$1 root=$2 version name module
	version=$(cat "$kernel/version")
	shift 2
	for name in "$@"; do
		modprobe -d "$kernel" -S "$version" --show-depends "$name" >/dev/null ||
			die "kernel $version has no module $name"
	done
	for name in "$@"; do
		modprobe -d "$kernel" -S "$version" --show-depends "$name"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r module; do
		install -D -m 644 "$module" "$root/lib/modules/${module#*/lib/modules/}"
	done
	cp "$kernel/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$root/lib/modules/$version/"
	depmod -b "$root" "$version"
}

# install_libraries ROOT FILE...: the shared libraries that programs load, at the paths they have here.
install_libraries() {
	local root=$1 library
	shift
	for library in $(ldd "$@" 2>/dev/null | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u); do
		install -D -m 644 "$library" "$root$library"
	done
	chmod 755 "$root"/lib64/ld-linux-*
}

# find_library SONAME: where this machine has it.
find_library() {
	/sbin/ldconfig -p | awk -v name="$1" '$1 == name && /x86-64/ && !found++ { print $NF }' | grep . ||
		die "$1 is not installed here"
}

# install_program ROOT FILE...: programs and their libraries.
install_program() {
	local root=$1 file
	shift
	for file in "$@"; do
		install -D -m 755 "$file" "$root$file"
	done
	install_libraries "$root" "$@"
}

# install_busybox ROOT: busybox and a link for each of its tools, but not for what rinit itself provides.
install_busybox() {
	local busybox tool
	busybox=$(command -v busybox)
	install -D -m 755 "$busybox" "$1/bin/busybox"
	for tool in $("$busybox" --list | grep -v -x -e busybox -e init -e linuxrc -e halt -e poweroff -e reboot -e shutdown); do
		ln -s busybox "$1/bin/$tool"
	done
}

# install_units FOLDER: units that come with rinit, for whoever enables them.
install_units() {
	mkdir -p "$1"
	install -m 644 "$(dirname "${BASH_SOURCE[0]}")"/../rinit/units/* "$1/"
}

# pack_initramfs ROOT OUT: ROOT as a cpio archive, everything owned by root, sorted, dated SOURCE_DATE_EPOCH.
# LZ4 is what a kernel unpacks fastest; a kernel only knows its legacy format.
pack_initramfs() {
	find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	(cd "$1" && find . -mindepth 1 -print0 | sort -z |
		cpio --null --create --format=newc --reproducible --owner=+0:+0 --quiet) |
		lz4 -l -9 -q -c >"$2"
}

# make_scratch: sets scratch to a new folder that is gone when the script ends.
make_scratch() {
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
}

# make_ext4 LABEL FILE OFFSET SIZE_MIB [FOLDER=FILE|FOLDER...]: an ext4 file system in the part of FILE, a sparse file of
# zeros, that begins at byte OFFSET. Each FILE, be it a folder, or nothing goes into FOLDER. All stays as sparse as it can:
# what is zero already is not written again, neither now nor by the kernel later.
make_ext4() {
	local label=$1 file=$2 offset=$3 size_mib=$4 content=$2.content uuid item
	uuid=$(sha256sum <<<"$label" | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
	rm -rf "$content"
	mkdir "$content"
	for item in "${@:5}"; do
		mkdir -p "$content/${item%%=*}"
		[[ $item != *=* ]] || cp -rl "${item#*=}" "$content/${item%%=*}/" # links, since copies take their time
	done
	E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH as_root mkfs.ext4 -q -F -L "$label" -U "$uuid" -m 0 -i 65536 \
		-E "offset=$offset,assume_storage_prezeroed=1,root_owner=0:0,hash_seed=$uuid" -d "$content" \
		"$file" "${size_mib}M"
	rm -rf "$content"
}

# has_hardware_kvm: whether guests can run here at full speed: the processor has virtualization and /dev/kvm opens.
has_hardware_kvm() {
	grep -q -w -E 'vmx|svm' /proc/cpuinfo && [[ -c /dev/kvm ]] && (: <>/dev/kvm) 2>/dev/null
}
