# Guests that reboot as soon as their kernel is up, each time in a process made anew: the manager keeps nothing of those that were.
# Five times by one guest of each transport; with --long fifty times.
# timeout: 120
# long: 900
rm -rf tiny /etc/rastos/guests/*
mkdir -p tiny /etc/rastos/guests
cp /bin/busybox tiny/
printf '#!/busybox sh\nexec /busybox reboot -f\n' >tiny/init
chmod 755 tiny/init
(cd tiny && find . | cpio -o -H newc 2>/dev/null) >initrd
truncate -s 1M mmio.img pci.img
for transport in mmio pci; do
	cat >/etc/rastos/guests/$transport.json <<-END
		{ "name": "$transport", "role": "guest", "memory_mib": 64, "vcpus": 1, "transport": "$transport", "ready": "started",
		  "autostart": false, "on_reboot": "restart", "disks": [{ "path": "/tmp/$transport.img" }],
		  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
	END
done
rastos-vmm up -d --timeout 30
manager=$(ps | grep "[r]astos-vmm up" | awk '{ print $1 }')

# starts GUEST: how often it has been started.
starts() {
	rastos-vmm events --json | grep -c "\"guest\":\"$1\".*\"event\":\"running\"\|\"event\":\"running\".*\"guest\":\"$1\"" || true
}
# What there is while no guest runs, in one line.
kept() {
	echo "descriptors $(ls /proc/$manager/fd | wc -l)" \
		"children $(cat /proc/$manager/task/*/children | wc -w)" \
		"processes $(ps | grep -c '[r]astos-vmm guest')" \
		"namespaces $(ls -l /proc/[0-9]*/ns 2>/dev/null | sed -n 's/.*-> //p' | sort -u | wc -l)" \
		"mounts $(wc -l </proc/mounts)" \
		"cgroups $(find /sys/fs/cgroup -type d | grep -c rastos)" \
		"files $(find /run/rastos /var/lib/rastos | wc -l)"
}
own_memory() {
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$manager/status
}
has_started() {
	[ "$(starts $1)" -ge "$2" ]
}
# reboots TIMES: both guests do it so often, at once, and are killed.
reboots() {
	before_mmio=$(starts mmio) before_pci=$(starts pci)
	rastos-vmm start mmio
	rastos-vmm start pci
	wait_for $((20 + $1 * 12)) has_started mmio $((before_mmio + $1 + 1))
	wait_for $((20 + $1 * 12)) has_started pci $((before_pci + $1 + 1))
	rastos-vmm kill --wait mmio
	rastos-vmm kill --wait pci
	sleep 0.5
}

reboots 1 # what the manager makes once and keeps is there after it
before=$(kept)
memory=$(own_memory)
times=3 most_kib=128
[ -z "$long" ] || times=49 most_kib=512 # the newest 512 events are kept, of which there are not as many before (tests/manager/test_many.py looks at what comes after)
reboots $times
after=$(kept)
echo "before: $before"
echo "after:  $after"
[ "$before" = "$after" ] || fail "something is left of guests that are gone"
echo "memory of the manager's own: $memory KiB, then $(own_memory) KiB"
[ $(($(own_memory) - memory)) -le $most_kib ] || fail "the manager keeps memory of guests that are gone"
rastos-vmm down --timeout 30
