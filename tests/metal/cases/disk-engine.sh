# Disks with several queues and either engine, on storage with a file system: what was flushed is there after kill -9 of the guest's
# process and a new start, and so is what was answered by disks that write through, whose guest flushes nothing, with the host's page
# cache and past it; a disk grows under its guest.
# timeout: 110
mkdir -p /var/lib/rastos/disks /etc/rastos/guests
rm -f /etc/rastos/guests/*
mke2fs -F /dev/vdb >/dev/null 2>&1
mount -t ext4 /dev/vdb /var/lib/rastos/disks
rastos-vmm disk create ring 32M
rastos-vmm disk create calls 32M
rastos-vmm disk create through 17M
rastos-vmm disk create direct 17M
guest_initrd /tmp/initrd /payload/tools/metal-disk <<'END'
for disk in vda vdb vdc vdd; do
	echo "$disk is $(cat /sys/block/$disk/queue/write_cache)"
	echo "$disk has $(ls /sys/block/$disk/mq | wc -l) queues"
	rounds=$(sed "s/.*$disk=\([0-9]*\).*/\1/" /proc/cmdline)
	[ $rounds = 0 ] || /metal-disk check /dev/$disk $rounds
done
grep -q vda=0 /proc/cmdline || poweroff
for disk in vda vdb vdc vdd; do
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
			    { "image": "calls", "cache": "none", "io": "threads", "queues": 2 },
			    { "image": "through", "cache": "writethrough", "io": "io_uring" },
			    { "image": "direct", "cache": "directsync", "io": "threads" }],
		  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd",
			      "cmdline": "console=ttyS0 quiet panic=-1 $*" } }
	END
}
console=/run/rastos/guests/web/console.log
log=$console # of which a stall shows the end
process() {
	rastos-vmm info --json web | sed 's/.*"pid":\([0-9]*\).*/\1/'
}
flushed() {
	tr -d '\r' <$console | sed -n "s/^$1 flushed \([0-9]*\)$/\1/p" | tail -n 1
}

describe vda=0 vdb=0 vdc=0 vdd=0 >/etc/rastos/guests/web.json
rastos-vmm up -d --timeout 60
wait_for 60 printed $console "^vda flushed 5"
for disk in vdb vdc vdd; do
	wait_for 60 printed $console "^$disk flushed 5"
done
for disk in vda vdb; do
	expect $console "^$disk is write back"
	expect $console "^$disk has 2 queues"
done
expect $console "^vdc is write through"
expect $console "^vdd is write through"
pid=$(process)
[ "$(ls -l /proc/$pid/fd | grep -c io_uring)" = 5 ] || fail "there is no ring for each queue of two of the disks, and two for disks that come"
[ "$(cat /proc/$pid/task/*/comm | grep -c '^disk ')" = 7 ] || fail "there is no thread for each queue, and one for disks that come"

rastos-vmm disk resize ring 64M
wait_for 20 printed $console "^the last MiB has 1048576"
rastos-vmm disk resize ring 16M >log 2>&1 && fail "a disk shrinks under its guest"
expect log "disk ring: has 67108864 bytes; to make it smaller would cut off what is there"
[ "$(process)" = "$pid" ] || fail "web is another process"

kill -9 "$pid"
wait_for 10 sh -c "rastos-vmm list --json | grep -q '\"state\":\"failed\"'"
rounds=
for disk in vda vdb vdc vdd; do
	rounds="$rounds $disk=$(flushed $disk)"
done
echo "done:$rounds"
describe $rounds >web.json
rastos-vmm define --replace web.json
rastos-vmm start web
for disk in $rounds; do
	wait_for 60 printed $console "^${disk%=*}: 0 blocks of ${disk#*=} rounds are lost"
done
rastos-vmm down --timeout 60
