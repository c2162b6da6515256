unit wants_it <<END
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sleep 1000
TimeoutStartSec=1
END
boot
expect "rinit: version"
becomes notify inside ls /run/rinit
inside env NOTIFY_SOCKET=/run/rinit/notify rinitctl notify READY=1 || fail "the message was not taken"
expect "wants_it.service: not ready after 1.0 s"
