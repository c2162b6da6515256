# The host's file system is full: a guest whose disk stops it is paused, under a manager until it is resumed, else until there is
# room; it never hears of an error, and nothing it wrote is lost.
# timeout: 150
mkdir -p /etc/rastos/guests /tmp/small
rm -f /etc/rastos/guests/*
mount -t tmpfs -o size=2m small /tmp/small
guest_initrd /tmp/initrd <<'END'
dd if=/dev/zero bs=1M count=6 2>/dev/null | tr '\0' 'x' | dd of=/dev/vda bs=64k oflag=direct 2>/dev/null && sync && echo "all written"
dmesg | grep -i "I/O error" || echo "no error"
END
describe() {
	cat <<-END
		{ "name": "web", "memory_mib": 128, "ready": "started",
		  "disks": [{ "path": "/tmp/small/disk", "id": "data", "error_policy": "stop" }],
		  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
	END
}
written() {
	[ "$(head -c 6291456 /tmp/small/disk | tr -d x | wc -c)" = 0 ]
}

truncate -s 8M /tmp/small/disk
describe >/etc/rastos/guests/web.json
rastos-vmm up -d --timeout 60
wait_for 40 sh -c "rastos-vmm list --json | grep -q '\"state\":\"paused\"'"
rastos-vmm info web >log
cat log
expect log "disk data: cannot write: No space left on device"
rastos-vmm resume web
wait_for 10 sh -c "rastos-vmm list --json | grep -q '\"state\":\"paused\"'"
mount -o remount,size=20m /tmp/small
rastos-vmm resume web
console=/run/rastos/guests/web/console.log
wait_for 30 printed $console "all written"
wait_for 10 printed $console "no error"
rastos-vmm list --json | grep -q '"state":"running"' || fail "web does not run"
rastos-vmm info web | grep -q "cannot write" && fail "info tells of what is over"
rastos-vmm kill --wait web
rastos-vmm down
written || fail "what the guest wrote is not on its disk"

echo "without a manager"
rm /tmp/small/disk
truncate -s 8M /tmp/small/disk
mount -o remount,size=2m /tmp/small
describe >web.json
rastos-vmm run web.json </dev/null >log 2>&1 &
guest=$!
wait_for 30 printed log "guest web: paused: disk data: cannot write: No space left on device; it is tried again in 1 s"
mount -o remount,size=20m /tmp/small
wait_for 30 printed log "all written"
wait_for 10 printed log "no error"
kill -9 $guest
written || fail "what the guest wrote is not on its disk"
