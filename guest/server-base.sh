#!/usr/bin/env bash
# The Debian half of the server root, as a tar file: the packages of server/packages and nothing of ours.
#
#   server-base.sh OUT.tar
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/lib.sh"
(($# == 1)) || die "usage: server-base.sh OUT.tar"

# Packages come from where this machine's own come from, but only Debian's.
sources=/etc/apt/sources.list.d/debian.sources
[[ -e $sources ]] || sources=/etc/apt/sources.list

packages=$(sed -e 's/#.*//' "$here/server/packages" | awk 'NF { print $1 }' | paste -s -d ,)

# Nothing reads documentation or translations in a server guest.
mmdebstrap --mode=auto --variant=essential --include="$packages" \
	--aptopt='APT::Install-Recommends "false"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/info/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/bash-completion/*' \
	--dpkgopt='path-exclude=/usr/share/fish/*' \
	--dpkgopt='path-exclude=/usr/share/zsh/*' \
	bookworm "$1" "$sources"
