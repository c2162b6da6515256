unit wants_it <<END
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sleep 1000
TimeoutStartSec=1
END
boot
expect "rinit: version"
for ((i = 0; i < 100; i++)); do inside test -e /run/rinit/notify && break; done
inside env NOTIFY_SOCKET=/run/rinit/notify rinitctl notify READY=1 || fail "the message was not taken"
expect "wants_it.service: not ready after 1.0 s"
