unit a <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
[Install]
Alias=x.service
END
unit b <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
[Install]
Alias=x.service
END
boot
expect "b.service: Alias=x.service is a.service already, which keeps it"
expect "rinit: ready"
check "Name: a.service" ctl status x
