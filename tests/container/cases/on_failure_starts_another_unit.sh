unit a <<END
[Unit]
OnFailure=told@%n.service
[Service]
Type=oneshot
ExecStart=/bin/false
END
stock told@.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo %i has failed
END
boot
expect "rinit: ready"
logged told@a.service.service "a.service has failed"
