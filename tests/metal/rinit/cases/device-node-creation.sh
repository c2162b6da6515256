# Device nodes are there for what the machine was born with and for what is plugged in; they go with it.
for node in null zero full random urandom tty console ptmx kmsg vda ttyS0 hvc0 tty1 rtc0 hwrng; do
	[[ -c /dev/$node || -b /dev/$node ]] || fail "/dev/$node is missing"
done
check "devtmpfs /dev devtmpfs" cat /proc/mounts
[[ $(readlink /dev/fd) == /proc/self/fd && -e /dev/stdin && -c /dev/pts/ptmx && -d /dev/shm ]] || fail "links or mounts are missing"
outside qmp blockdev-add '{"driver": "null-co", "node-name": "empty", "size": 1048576, "read-zeroes": true}' >/dev/null
outside qmp device_add '{"driver": "virtio-blk-pci", "id": "plugged", "drive": "empty", "bus": "slot1"}' >/dev/null
wait_for 20 test -b /dev/vdb
[[ $(head -c 1M /dev/vdb | wc -c) == $((1 << 20)) ]] || fail "the plugged disk cannot be read"
outside qmp device_del '{"id": "plugged"}' >/dev/null
wait_for 20 test ! -e /dev/vdb
