stock deaf.socket <<END
[Socket]
ListenFIFO=/run/deaf
TriggerLimitIntervalSec=1min
END
stock deaf.service <<'END'
[Service]
ExecStart=/bin/true
END
wants sockets.target deaf.socket
boot
expect "rinit: ready"
inside sh -c "echo hello >/run/deaf"
expect "deaf.socket: deaf.service does not take who comes: left alone until it is restarted"
check "State: active" ctl status deaf.socket
