unit busybox-syslogd <<END
[Service]
ExecStart=/bin/syslogd -n -O /messages
END
boot
expect "rinit: ready"
ctl stop busybox-syslogd
inside /bin/logger -t painter "rinit again"
logged painter "rinit again"
ctl start busybox-syslogd
for ((n = 0; n < 50; n++)); do grep -q "rinit again" "$root/messages" 2>/dev/null && return; sleep 0.1; done
fail "what came while the logger was down is not in $(cat "$root/messages")"
