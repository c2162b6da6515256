#!/usr/bin/env bash
# The Debian half of the machine of rinit's tests, as an ext4 disk: the packages of rinit/packages, the stock kernel's modules,
# and in /srv/repository packages that a test installs. Made once for each set of these and kept outside the build folder, as
# kernels are.
#
#   base.sh KERNEL_DIR OUT
set -euo pipefail
self=$(realpath "$0")
here=${self%/*}
# shellcheck source=guest/lib.sh
source "$here/../../../guest/lib.sh"
(($# >= 2)) || die "usage: base.sh KERNEL_DIR OUT"

readonly SIZE_MIB=3072
readonly INSTALLED_LATER=redis-server # in the running machine, by apt-get
readonly PASSWORD=rastos              # of root and of the user tester

mapfile -t packages < <(list_words "$here/packages")

# The cache's key: everything that the disk's content depends on.
base_key() {
	{
		apt-cache policy "${packages[@]}" "$INSTALLED_LATER" | grep -E '^[a-z]|^  Candidate:'
		cat "$1/version" "$self" "$here/packages"
	} | sha256sum | cut -d ' ' -f 1
}

# Inside mmdebstrap, with the new root in $1: what the tests add to Debian. No service is touched.
customize() {
	local root=$1 repository=$1/srv/repository
	mkdir -p "$repository"
	APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q -y --download-only -o Dir::Cache::archives="$repository" \
		-o APT::Sandbox::User=root install "$INSTALLED_LATER" >&2
	rm -rf "$repository"/{lock,partial}
	chroot "$root" useradd -m -s /bin/bash tester
	printf '%s\n' "root:$PASSWORD" "tester:$PASSWORD" | chroot "$root" chpasswd
}

# index FOLDER: makes it a repository (sources.list(5): deb [trusted=yes] file:FOLDER ./).
index() {
	local file
	for file in "$1"/*.deb; do
		dpkg-deb -f "$file"
		echo "Filename: ./${file##*/}"
		echo "Size: $(stat -c %s "$file")"
		echo "SHA256: $(sha256sum "$file" | cut -d ' ' -f 1)"
		echo
	done >"$1/Packages"
}

# Beside the repository, the same service in a newer version.
make_upgrade() {
	local repository=$1
	mkdir "$repository-newer"
	dpkg-deb -R "$repository"/"$INSTALLED_LATER"_*.deb "$scratch/newer"
	sed -i -E 's/^Version: .*/&+newer1/' "$scratch/newer/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$scratch/newer" "$repository-newer/$INSTALLED_LATER.deb" >&2
}

# Debian and the tests' additions, as a tar file.
make_tar() {
	local sources=/etc/apt/sources.list.d/debian.sources
	[[ -e $sources ]] || sources=/etc/apt/sources.list
	mmdebstrap --mode=auto --variant=essential --include="$(paste -s -d , < <(printf '%s\n' "${packages[@]}"))" \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook="$self --customize \"\$1\"" \
		bookworm "$1" "$sources"
}

# make_disk TAR KERNEL_DIR OUT: owners and modes are Debian's: only root, real or fakeroot's, can keep them.
make_disk() {
	local root=$scratch/root
	mkdir "$root"
	tar -x -p -f "$1" -C "$root" --exclude='./dev/*'
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/etc/apt/sources.list*
	: >"$root/etc/machine-id"
	index "$root/srv/repository"
	make_upgrade "$root/srv/repository"
	cp -r "$2/lib/modules" "$root/lib/"
	truncate -s "${SIZE_MIB}M" "$3"
	mkfs.ext4 -q -F -L machine -U 5261734f-5352-4f4f-5453-4d45544c0001 -m 0 -d "$root" "$3"
}

case $1 in
--customize)
	customize "$2"
	;;
--disk)
	make_scratch
	make_disk "$2" "$3" "$4"
	;;
*)
	cached=$(cache_dir rinit-machine)/$(base_key "$1").img
	if [[ ! -e $cached ]]; then
		make_scratch
		make_tar "$scratch/base.tar"
		partial=$(mktemp "${cached%/*}/partial.XXXXXX")
		as_root "$self" --disk "$scratch/base.tar" "$1" "$partial"
		rm -f "${cached%/*}"/*.img # what nobody asks for any more
		mv "$partial" "$cached"
	fi
	cp --sparse=always "$cached" "$2"
	;;
esac
