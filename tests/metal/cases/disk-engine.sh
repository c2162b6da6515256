# Disks with several queues and either engine, on storage with a file system: what was flushed is there after kill -9 of the guest's
# process and a new start; a disk grows under its guest.
# timeout: 300
mkdir -p /var/lib/rastos/disks /etc/rastos/guests
rm -f /etc/rastos/guests/*
mke2fs -F /dev/vdb >/dev/null 2>&1
mount -t ext4 /dev/vdb /var/lib/rastos/disks
rastos-vmm disk create ring 32M
rastos-vmm disk create calls 32M
guest_initrd /tmp/initrd /payload/tools/metal-disk <<'END'
for disk in vda vdb; do
	echo "$disk has $(ls /sys/block/$disk/mq | wc -l) queues"
	rounds=$(sed "s/.*$disk=\([0-9]*\).*/\1/" /proc/cmdline)
	[ $rounds = 0 ] || /metal-disk check /dev/$disk $rounds
done
grep -q vda=0 /proc/cmdline || poweroff
for disk in vda vdb; do
	/metal-disk write /dev/$disk 100000 &
done
until [ "$(cat /sys/block/vda/size)" = 131072 ]; do sleep 0.1; done
dd if=/dev/vda bs=1M skip=63 count=1 2>/dev/null | wc -c | sed 's/^/the last MiB has /'
wait
END
describe() {
	cat <<-END
		{ "name": "web", "memory_mib": 192, "vcpus": 2, "ready": "started", "transport": "pci",
		  "disks": [{ "image": "ring", "cache": "none", "io": "io_uring", "queues": 2 },
			    { "image": "calls", "cache": "none", "io": "threads", "queues": 2 }],
		  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd",
			      "cmdline": "console=ttyS0 quiet panic=-1 $*" } }
	END
}
console=/run/rastos/guests/web/console.log
process() {
	rastos-vmm info --json web | sed 's/.*"pid":\([0-9]*\).*/\1/'
}
flushed() {
	tr -d '\r' <$console | sed -n "s/^$1 flushed \([0-9]*\)$/\1/p" | tail -n 1
}

describe vda=0 vdb=0 >/etc/rastos/guests/web.json
rastos-vmm up -d --timeout 60
wait_for 60 printed $console "^vda flushed 5"
wait_for 60 printed $console "^vdb flushed 5"
expect $console "^vda has 2 queues"
expect $console "^vdb has 2 queues"
pid=$(process)
[ "$(ls -l /proc/$pid/fd | grep -c io_uring)" = 4 ] || fail "there is no ring for each queue of the first disk, and two for disks that come"
[ "$(cat /proc/$pid/task/*/comm | grep -c '^disk ')" = 5 ] || fail "there is no thread for each queue, and one for disks that come"

rastos-vmm disk resize ring 64M
wait_for 20 printed $console "^the last MiB has 1048576"
rastos-vmm disk resize ring 16M >log 2>&1 && fail "a disk shrinks under its guest"
expect log "disk ring: has 67108864 bytes; to make it smaller would cut off what is there"
[ "$(process)" = "$pid" ] || fail "web is another process"

kill -9 "$pid"
wait_for 10 sh -c "rastos-vmm list --json | grep -q '\"state\":\"failed\"'"
first=$(flushed vda) second=$(flushed vdb)
describe vda=$first vdb=$second >web.json
rastos-vmm define --replace web.json
rastos-vmm start web
wait_for 60 printed $console "^vdb: "
expect $console "^vda: 0 blocks of $first rounds are lost"
expect $console "^vdb: 0 blocks of $second rounds are lost"
rastos-vmm down --timeout 60
