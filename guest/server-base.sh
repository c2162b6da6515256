#!/usr/bin/env bash
# The Debian half of a root, as a tar file: the packages of server/packages, or of another such list, and nothing of ours.
#
#   server-base.sh OUT.tar [PACKAGES [MMDEBSTRAP_OPTION...]]
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/lib.sh"
(($# >= 1)) || die "usage: server-base.sh OUT.tar [PACKAGES [MMDEBSTRAP_OPTION...]]"

# Packages come from where this machine's own come from, but only Debian's.
sources=/etc/apt/sources.list.d/debian.sources
[[ -e $sources ]] || sources=/etc/apt/sources.list

packages=$(list_words "${2-$here/server/packages}" | paste -s -d ,)

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
	"${@:3}" bookworm "$1" "$sources"
