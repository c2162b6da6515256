# Directories of the host in a guest: both see what the other writes, files have their owners, a read-only one stays as it is, and daemon, manager
# and guest outlive each other's deaths.
# timeout: 150
mkdir -p /srv /etc/rastos/guests
rm -f /etc/rastos/guests/*
mke2fs -F /dev/vdb >/dev/null 2>&1
mount -t ext4 /dev/vdb /srv
# On a file system that has views of other owners, and on one that has none.
mkdir -p /srv/data/deep /srv/kept /tmp/share
echo of the host >/srv/data/host
echo kept >/srv/kept/file
chmod 666 /srv/kept/file
chmod 777 /srv/kept
echo secret >/srv/secret
guest_initrd /tmp/initrd <<'END'
rinitctl enable --now rastos-exec.socket
END

# in_guest COMMAND: a shell there runs it.
in_guest() {
	rastos-vmm exec web -- sh -c "$1"
}
# is FILE TEXT
is() {
	[ "$(cat "$1")" = "$2" ] || fail "$1 holds: $(cat "$1")"
}
daemon_of() {
	for daemon in $(pidof virtiofsd); do
		grep -q " $1 / " /proc/$daemon/mountinfo && echo "$daemon"
	done
}

rastos-vmm up -d --timeout 60
rastos-vmm create web --image $tuned -i /tmp/initrd -a "console=ttyS0 quiet panic=-1" -m 256 -v /srv/nowhere:/data >log 2>&1 &&
	fail "a directory that is not there is shared"
expect log "there is no directory /srv/nowhere"
rastos-vmm create web --image $tuned -i /tmp/initrd -a "console=ttyS0 quiet panic=-1" -m 256 \
	-v /srv/data:/data -v /srv/kept:/kept:ro -v /tmp/share:/mnt/share -t 90
wait_for 40 rastos-vmm exec web true
in_guest "cat /data/host /kept/file" >out
is out "of the host
kept"
in_guest "echo of the guest >/data/guest && chown 1234:567 /data/guest && chmod 640 /data/guest && mkfifo /data/pipe && ln -s guest /data/link"
is /srv/data/link "of the guest"
[ "$(stat -c %u:%g:%a /srv/data/guest)" = 1234:567:640 ] || fail "it is $(stat -c %u:%g:%a /srv/data/guest)"
in_guest "mknod /data/disk b 254 0" 2>/dev/null && fail "the guest makes devices"
in_guest "echo here >/mnt/share/file && chown 5:6 /mnt/share/file"
[ "$(stat -c %u:%g /tmp/share/file)" = 5:6 ] || fail "it is $(stat -c %u:%g /tmp/share/file)"
echo more >>/srv/data/deep/later
in_guest "cat /data/deep/later" >out
is out more
in_guest "dd if=/dev/urandom of=/data/bytes bs=64k count=64 2>/dev/null; sync; md5sum </data/bytes" >out
[ "$(cat out)" = "$(md5sum </srv/data/bytes)" ] || fail "the host has other bytes than the guest has written"
in_guest "ls /data/.. >/dev/null; cat /data/../srv/secret" 2>/dev/null && fail "the guest sees what is beside it"

# The host says that it is read-only, whatever the guest thinks.
in_guest "echo guest >/kept/file" 2>/dev/null && fail "it is written to"
in_guest "mount -o remount,rw /kept; echo guest >/kept/file || rm /kept/file || touch /kept/new" 2>out && fail "it is written to after all"
grep -qi "read-only file system" out || fail "it said: $(cat out)"
is /srv/kept/file kept

# A daemon that is killed: an I/O error, until it is mounted anew. The others are not concerned, nor is the guest's process.
kill -9 "$(daemon_of /data)"
in_guest "cat /data/host" >/dev/null 2>out && fail "nobody reads it"
grep -q "Input/output error" out || fail "it said: $(cat out)"
in_guest "cat /kept/file" >/dev/null || fail "another directory is gone, too"
wait_for 10 printed /run/rastos/manager.log "filesystem data: its back end has ended; what the guest has mounted of it fails until it mounts it anew"
in_guest "umount /data"
wait_for 20 in_guest "grep -q ' /data virtiofs ' /proc/mounts || mount -t virtiofs data /data; cat /data/host"

# The manager is killed: it goes on, and the next one has it.
kill -9 "$(ps | grep "[r]astos-vmm up" | awk '{ print $1 }')"
rastos-vmm up -d --timeout 60
wait_for 40 rastos-vmm exec web true
in_guest "cat /data/host" >out
is out "of the host"
rastos-vmm kill web
wait_for 10 sh -c "! pidof virtiofsd"

# Behind PCI, in the foreground, with a definition.
guest_initrd /tmp/initrd <<'END'
mkdir -p /mnt
mount -t virtiofs -o ro tag /mnt && cat /mnt/host
echo x | tee /mnt/file 2>/dev/null || echo refused
umount /mnt && mount -t virtiofs tag /mnt && echo again >/mnt/again
cd /sys/bus/virtio/drivers/virtiofs && umount /mnt && for device in virtio*; do echo $device >unbind && echo $device >bind; done
mount -t virtiofs tag /mnt && cat /mnt/again
poweroff -f
END
cat >run.json <<-END
	{ "name": "run", "memory_mib": 192, "vcpus": 2, "transport": "pci",
	  "filesystems": [{ "path": "/srv/data", "tag": "tag", "cache": "none", "queue_size": 16, "driver": { "packed": true } }],
	  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
rastos-vmm run run.json </dev/null >log 2>&1 || {
	cat log
	fail "it did not run"
}
expect log "of the host"
expect log "refused"
expect log "^again"
is /srv/data/again again
pidof virtiofsd && fail "a daemon outlives its guest"
true
