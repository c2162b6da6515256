stock talk.socket <<END
[Socket]
ListenStream=@talk
ListenStream=127.0.0.1:700
RemoveOnStop=yes
END
stock talk.service <<'END'
[Unit]
Requires=talk.socket
[Service]
ExecStart=/bin/sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES"; sleep 1000'
END
boot
expect "rinit: ready"
ctl start talk
logged talk "2 talk.socket:talk.socket"
check "@talk" inside cat /proc/net/unix
check "State: running" ctl status talk
