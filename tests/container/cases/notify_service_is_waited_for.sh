unit slow <<END
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c "sleep 0.2; echo about to say so; printf 'READY=1\nSTATUS=serving' | nc -u -w1 local:/run/rinit/notify || true; exec sleep 1000"
TimeoutStartSec=1
END
unit later <<END
[Unit]
After=slow.service
[Service]
Type=oneshot
ExecStart=/bin/echo later
END
boot
# busybox cannot send such datagrams, so this one is never ready and given up on; then the boot goes on.
expect "slow.service: about to say so"
expect "slow.service: not ready after 1 s: stopping it"
expect "later.service: later"
