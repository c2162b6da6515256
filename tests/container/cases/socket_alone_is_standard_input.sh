stock lines.socket <<END
[Socket]
ListenFIFO=/run/lines
Symlinks=/run/other/name
RemoveOnStop=yes
END
stock lines.service <<END
[Service]
StandardInput=socket
StandardOutput=journal
ExecStart=/bin/head -n 1
END
wants sockets.target lines.socket
boot
expect "rinit: ready"
inside sh -c "echo by the link >/run/other/name"
logged lines "by the link"
ctl stop lines.socket
inside sh -c "[ ! -e /run/lines ] && [ ! -L /run/other/name ]" || fail "they are still there"
