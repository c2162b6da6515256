cd "$root/run" || exit 1
boot_with_notify() {
	export NOTIFY_SOCKET=/notify
	boot
	unset NOTIFY_SOCKET
}
boot_with_notify
# Nobody listens there: it is tried and said, and nothing else suffers.
expect "rinit: ready"
expect "cannot tell the host that READY=1"
signal TERM
ends 0
