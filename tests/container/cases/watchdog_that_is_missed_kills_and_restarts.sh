unit dog <<'END'
[Service]
Type=notify
NotifyAccess=all
WatchdogSec=300ms
Restart=on-watchdog
ExecStart=/bin/sh -c 'echo $WATCHDOG_USEC; rinitctl notify READY=1; for i in 1 2 3 4; do sleep 0.1; rinitctl notify WATCHDOG=1; done; echo quiet; exec sleep 1000'
END
boot
expect "dog.service: 300000"
logged dog quiet
expect "dog.service: missed its watchdog of 0.3 s: killed"
logged rinit "dog.service ended; it starts again"
