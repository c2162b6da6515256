#!/usr/bin/env bash
# Makes the small services (worker.c), as many as bring the stock ones to thirty, known to each init. Run by mmdebstrap in the
# root that it has made.
#
#   workers.sh ROOT
set -euo pipefail
here=$(dirname "$(realpath "$0")")
readonly WORKERS=18
root=$1

install -D -m 644 "$here/worker@.service" "$root/lib/systemd/system/worker@.service"
mkdir -p "$root/bench"
for ((number = 1; number <= WORKERS; number++)); do
	# systemd, and rinit
	ln -s /lib/systemd/system/worker@.service "$root/etc/systemd/system/multi-user.target.wants/worker@$number.service"
	# sysvinit
	sed "s/@NUMBER@/$number/g" "$here/worker.init" >"$root/etc/init.d/worker@$number"
	chmod 755 "$root/etc/init.d/worker@$number"
	chroot "$root" update-rc.d "worker@$number" defaults
	# finit
	echo "service :$number [2345] /usr/lib/bench/worker $number -- worker $number" >>"$root/etc/finit.d/workers.conf"
	echo "worker@$number path /run/bench/$number" >>"$root/bench/marks"
done
