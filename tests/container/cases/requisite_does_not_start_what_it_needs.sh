stock b.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
END
stock a.service <<'END'
[Unit]
Requisite=b.service
After=b.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
boot
expect "rinit: ready"
ctl_fails 1 start a
logged rinit "a.service: not started: b.service, which it requires, is not active"
ctl start b
ctl start a
