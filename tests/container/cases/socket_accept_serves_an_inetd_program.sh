stock echo.socket <<END
[Socket]
ListenStream=700
Accept=yes
END
# cat knows nothing of sockets: its input and output are the connection.
stock echo@.service <<'END'
[Service]
StandardInput=socket
StandardError=journal
ExecStart=-/bin/sh -c 'echo "$${LISTEN_FDS:-none} $REMOTE_ADDR" >&2; exec cat'
END
wants sockets.target echo.socket
boot
expect "rinit: ready"
check "to and fro" inside sh -c 'echo "to and fro" | nc 127.0.0.1 700'
logged "" "none 127.0.0.1"
