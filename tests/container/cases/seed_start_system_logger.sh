# rinit's own log is there from the first moment; a logger that a unit starts gets every line, those from before too.
stock busybox-syslogd.service <<'END'
[Service]
ExecStart=/bin/syslogd -n -O /var/log/messages
[Install]
WantedBy=multi-user.target
END
wants multi-user.target busybox-syslogd.service
mkdir -p "$root/var/log"
boot
expect "rinit: ready"
messages() {
	for ((n = 0; n < 200; n++)); do grep -q "$1" "$root/var/log/messages" 2>/dev/null && return || sleep 0.05; done
	fail "the logger did not get \"$1\""
}
messages "rinit: version"
messages "rinit: ready"
inside logger -t painter "a line"
messages "painter: a line"
for ((n = 0; n < 200; n++)); do grep -q "rinit: ready" "$root/var/log/rinit/rinit.log" 2>/dev/null && break || sleep 0.05; done
grep -q "rinit: version" "$root/var/log/rinit/rinit.log" || fail "rinit's own file does not begin at the beginning"
[[ $(ctl graph --dot) == *'"network.target" -> "logger.target"'* ]] || fail "the network does not come after the logger"
