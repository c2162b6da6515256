# Disks that qemu-storage-daemon serves to a stock kernel: a qcow2 image behind which there is another, an export of an NBD server, a disk that
# forgets, and one that comes and goes. The daemons and the server are killed under load; nothing that was flushed is lost, and the images
# are whole.
# timeout: 150
mkdir -p /srv /etc/rastos/guests
rm -f /etc/rastos/guests/*
mke2fs -F /dev/vdb >/dev/null 2>&1
mount -t ext4 /dev/vdb /srv
# program NAME ARGUMENT...: one of Debian's, with its own libraries.
program() {
	name=$1
	shift
	LD_LIBRARY_PATH=/payload/tools/$name/lib /payload/tools/$name/$name "$@"
}
program qemu-img create -q -f raw /srv/base.raw 32M
program qemu-img create -q -f qcow2 -b /srv/base.raw -F raw /srv/data.qcow2
program qemu-img create -q -f qcow2 /srv/store.qcow2 32M
truncate -s 32M /srv/forgets.raw
chmod 600 /srv/*.qcow2 /srv/*.raw
serve_store() {
	LD_LIBRARY_PATH=/payload/tools/qemu-nbd/lib /payload/tools/qemu-nbd/qemu-nbd -f qcow2 --persistent -t -b 127.0.0.1 -p 10809 \
		-x store /srv/store.qcow2 &
	server=$!
}
guest_initrd /tmp/initrd /payload/tools/metal-disk <<'END'
for disk in vda vdb vdc; do
	/metal-disk write /dev/$disk 100000 &
done
until [ -b /dev/vdd ]; do sleep 0.2; done
/metal-disk write /dev/vdd 5
echo "vdd is written"
wait
END
describe() {
	cat <<-END
		{ "name": "web", "memory_mib": 192, "vcpus": 2, "ready": "started", "transport": "pci",
		  "disks": [{ "path": "/srv/data.qcow2", "format": "qcow2", "discard": "unmap" $1 },
			    { "source": { "protocol": "nbd", "host": "127.0.0.1", "name": "store" } },
			    { "path": "/srv/forgets.raw", "transient": true }],
		  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
	END
}
console=/run/rastos/guests/web/console.log
log=$console # of which a stall shows the end
flushed() {
	tr -d '\r' <$console | sed -n "s/^$1 flushed \([0-9]*\)$/\1/p" | tail -n 1
}
# went_on DISK ROUND: it has flushed three more by now.
went_on() {
	[ "$(flushed "$1")" -ge $(($2 + 3)) ]
}
daemons() {
	pidof qemu-storage-daemon | wc -w
}

serve_store
rastos-vmm up -d --timeout 60
describe "" >web.json
rastos-vmm define web.json
rastos-vmm start web >log 2>&1 && fail "an image opens a file that only it names"
expect log "disk /srv/data.qcow2: its image wants another one behind it"
describe ', "backing": { "path": "/srv/base.raw" }' >web.json
rastos-vmm define --replace web.json
rastos-vmm start web
for disk in vda vdb vdc; do
	wait_for 60 printed $console "^$disk flushed 5"
done
[ "$(daemons)" = 3 ] || fail "there is no daemon for each disk"
for daemon in $(pidof qemu-storage-daemon); do
	grep -q '^Seccomp:.2' /proc/$daemon/status || fail "a daemon has no filter"
	grep -q '^Uid:.0' /proc/$daemon/status && fail "a daemon is root"
done

# One comes with a daemon of its own, is written to, and goes.
program qemu-img create -q -f qcow2 /srv/more.qcow2 32M
rastos-vmm device add --disk /srv/more.qcow2,format=qcow2 web more
wait_for 60 printed $console "^vdd is written"
[ "$(daemons)" = 4 ] || fail "there is no daemon for the disk that came"
rastos-vmm stats --json web >stats
grep -q '"more"' stats || fail "the disk that came is not counted"
rastos-vmm device remove web more
wait_for 20 sh -c "pidof qemu-storage-daemon | wc -w | grep -q '^3$'"
program qemu-img check /srv/more.qcow2 || [ $? = 3 ] || fail "the image of the disk that came is broken"
program qemu-img convert -O raw /srv/more.qcow2 /srv/vdd
/payload/tools/metal-disk check /srv/vdd 5

first=$(flushed vda) second=$(flushed vdb)
for daemon in $(pidof qemu-storage-daemon); do
	kill -9 "$daemon"
done
kill -9 $server
wait $server || true
serve_store
for disk in vda vdb vdc; do
	wait_for 60 went_on $disk "$(flushed $disk)"
done
wait_for 10 sh -c "pidof qemu-storage-daemon | wc -w | grep -q '^3$'"
first=$(flushed vda) second=$(flushed vdb)

rastos-vmm kill web
wait_for 20 sh -c "! pidof qemu-storage-daemon"
kill $server
wait $server || true
program qemu-img check /srv/data.qcow2 || [ $? = 3 ] || fail "the image is broken"
program qemu-img convert -O raw /srv/data.qcow2 /srv/vda
program qemu-img convert -O raw /srv/store.qcow2 /srv/vdb
/payload/tools/metal-disk check /srv/vda "$first"
/payload/tools/metal-disk check /srv/vdb "$second"
cmp -n 33554432 /srv/base.raw /dev/zero || fail "an image behind another was written to"
cmp -n 33554432 /srv/forgets.raw /dev/zero || fail "what was to be forgotten is there"
[ "$(ls -A /srv | grep -c transient)" = 0 ] || fail "the overlay is there still"
rastos-vmm down --timeout 60
