unit busybox-syslogd <<END
[Service]
ExecStart=/bin/syslogd -n -O /messages
END
unit early <<END
[Unit]
Before=busybox-syslogd.service
[Service]
Type=oneshot
ExecStart=/bin/echo before the logger was there
END
boot
expect "rinit: ready"
messages() { for ((n = 0; n < 100; n++)); do grep -q "$1" "$root/messages" 2>/dev/null && return; sleep 0.1; done; fail "the logger did not get \"$1\": $(cat "$root/messages")"; }
messages "early.service: before the logger was there"
messages "rinit: ready"
inside /bin/logger -t painter "straight to the logger"
messages "painter: straight to the logger"
