unit slow <<'END'
[Service]
Type=notify
NotifyAccess=all
TimeoutStartSec=400ms
ExecStart=/bin/sh -c 'rinitctl notify EXTEND_TIMEOUT_USEC=5000000; sleep 0.7; rinitctl notify READY=1; exec sleep 1000'
END
boot
expect "rinit: started slow.service"
