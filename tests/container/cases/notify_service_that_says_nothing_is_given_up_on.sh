unit mute <<END
[Service]
Type=notify
ExecStart=/bin/sleep 1000
TimeoutStartSec=500ms
END
unit later <<END
[Unit]
After=mute.service
[Service]
Type=oneshot
ExecStart=/bin/echo later
END
boot
expect "mute.service: not ready after 0.5 s: stopping it"
expect "later.service: later"
expect "rinit: ready"
check "State: failed" ctl status mute
