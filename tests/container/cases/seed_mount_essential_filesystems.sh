boot
expect "runtime container"
expect "rinit: ready"
mounted() { check " $2 $1 " inside cat /proc/mounts; }
mounted proc /proc
mounted sysfs /sys
mounted tmpfs /run
mounted devpts /dev/pts
mounted tmpfs /dev/shm
inside sh -c '[ -e /proc/self/stat ] && [ -d /sys/class ] && echo x >/dev/shm/x && echo x >/run/x && [ -e /dev/ptmx ]' ||
	fail "something is missing"
check "UP" inside ip link show lo
