boot
expect "runtime container"
expect "rinit: ready"
inside sh -c '[ -c /dev/null ] && [ -c /dev/tty ] && [ -e /proc/self/stat ] && [ -d /dev/shm ]' || fail "something is missing"
check "tmpfs /run tmpfs" inside cat /proc/mounts
check "devpts /dev/pts" inside cat /proc/mounts
check "UP" inside ip link show lo
