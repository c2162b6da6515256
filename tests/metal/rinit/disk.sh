#!/usr/bin/env bash
# The disk of the machine of rinit's tests: Debian's half (base.sh), rinit, and what is in root/.
#
#   disk.sh BASE.img RINIT_STATIC RINITCTL_STATIC OUT
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/../../../guest/lib.sh"
(($# == 4)) || die "usage: disk.sh BASE.img RINIT_STATIC RINITCTL_STATIC OUT"
base=$1 rinit=$2 rinitctl=$3 out=$4

# put FILE PATH: debugfs' words for that; the file keeps its mode and belongs to root.
put() {
	echo "rm $2"
	echo "write $1 $2"
}

link() {
	echo "rm $2"
	echo "symlink $2 $1"
}

words() {
	local path name
	put "$rinit" /usr/sbin/rinit
	put "$rinitctl" /usr/sbin/rinitctl
	link rinit /usr/sbin/init
	for name in poweroff reboot halt shutdown telinit systemctl; do
		link rinitctl "/usr/sbin/$name"
	done
	cd "$here/root"
	find . -mindepth 1 -type d -printf '/%P\n' | sort | sed 's/^/mkdir /'
	while read -r path; do
		put "$here/root/$path" "/$path"
	done < <(find . -type f -printf '%P\n')
}

cp --sparse=always "$base" "$out.part"
make_scratch
words >"$scratch/words"
debugfs -w -f "$scratch/words" "$out.part" >"$scratch/log" 2>&1
# What is not there cannot be removed, and what is there not made: debugfs says so, and goes on.
if grep -v -E '^$|^debugfs( 1\.|: )|^Allocated inode|File not found|already exists' "$scratch/log"; then
	die "debugfs: cannot write to $out"
fi
mv "$out.part" "$out"
