#!/usr/bin/env bash
# The root file system of the rinit benchmark, one for all inits: Debian's half (workers.sh has been run in it), rinit, the
# observer, and what each init needs to be told so that all start the same services and one login, on the serial console.
#
#   root.sh BASE.tar KERNEL_DIR PROGRAMS RINIT RINITCTL OUT.ext4
#
# PROGRAMS is the folder with the observer and the worker.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=guest/lib.sh
source "$here/../../guest/lib.sh"
(($# == 6)) || die "usage: root.sh BASE.tar KERNEL_DIR PROGRAMS RINIT RINITCTL OUT.ext4"

# Owners and modes are Debian's: only root, real or fakeroot's, can keep them.
if ((EUID != 0)); then
	exec fakeroot -- "$0" "$@"
fi
base=$1 kernel=$2 programs=$3 rinit=$4 rinitctl=$5 out=$6
readonly LABEL=bench
readonly MANY=1000

unpack_base() {
	tar -x -p -f "$base" -C "$root" --exclude='./dev/*'
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*.log
	cp -r --no-preserve=ownership "$here/etc/." "$root/etc/"
	# This root is booted in the benchmark and nowhere else: an identity of its own spares every init making one.
	echo 5261734f53524f545352415354524f54 >"$root/etc/machine-id"
	echo bench >"$root/etc/hostname"
	printf '127.0.0.1 localhost\n127.0.1.1 bench\n' >"$root/etc/hosts"
	printf 'auto lo\niface lo inet loopback\n' >"$root/etc/network/interfaces"
	echo "LABEL=$LABEL / ext4 errors=remount-ro 0 1" >"$root/etc/fstab"
}

install_rinit() {
	install -m 755 -s "$rinit" "$root/usr/sbin/rinit"
	install -m 755 -s "$rinitctl" "$root/usr/sbin/rinitctl"
}

install_programs() {
	mkdir -p "$root"/bench/{tracing,many} "$root/usr/local/lib/systemd/system"
	install -m 755 "$programs/observer" "$root/bench/observer"
	install -D -m 755 "$programs/worker" "$root/usr/lib/bench/worker"
	cat "$here/marks" >>"$root/bench/marks"
}

# Each init has its own list of terminals; Debian's have virtual ones, which this machine has not.
one_login() {
	rm -f "$root/etc/systemd/system/getty.target.wants/getty@tty1.service" "$root"/etc/finit.d/{modules,acpid}.conf
	sed -e '/^[1-6]:.*getty/d' "$root/usr/share/sysvinit/inittab" >"$root/etc/inittab"
	echo 'T0:23:respawn:/sbin/getty -L ttyS0 115200 vt220' >>"$root/etc/inittab"
}

# Services of the thousand: each comes after up to three of those before it, and wants or requires them. Always the same ones.
make_many() {
	mkdir "$root/bench/many/multi-user.target.wants"
	awk -v count="$MANY" -v folder="$root/bench/many" 'BEGIN {
		srand(1)
		for (number = 1; number <= count; number++) {
			file = sprintf("%s/many-%d.service", folder, number)
			printf "[Unit]\nDescription=One of many, %d\n", number >file
			for (edge = int(rand() * 4); edge > 0 && number > 1; edge--) {
				other = 1 + int(rand() * (number - 1))
				printf "After=many-%d.service\n%s=many-%d.service\n", other, rand() < 0.5 ? "Wants" : "Requires", other >file
			}
			printf "[Service]\nExecStart=/usr/lib/bench/worker many-%d\n", number >file
			close(file)
		}
	}'
	for file in "$root"/bench/many/*.service; do
		ln -s "/usr/local/lib/systemd/system/${file##*/}" "$root/bench/many/multi-user.target.wants/"
	done
}

make_scratch
root=$scratch/root
mkdir "$root"
unpack_base
install_rinit
install_programs
one_login
make_many
mapfile -t modules < <(list_words "$here/modules")
install_modules "$kernel" "$root" "${modules[@]}"
rm -f "$out"
truncate -s "$(($(du -s -m "$root" | cut -f 1) + 200))M" "$out"
mkfs.ext4 -q -F -L "$LABEL" -m 0 -E hash_seed=5261734f-5352-4f4f-5453-525652303031 -d "$root" "$out"
