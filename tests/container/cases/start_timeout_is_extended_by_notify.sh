unit slow <<'END'
[Service]
Type=notify
NotifyAccess=all
TimeoutStartSec=2s
ExecStart=/bin/sh -c 'rinitctl notify EXTEND_TIMEOUT_USEC=5000000; sleep 2.5; rinitctl notify READY=1; exec sleep 1000'
END
boot
expect "rinit: started slow.service"
