stock a.service <<'END'
[Unit]
Wants=b.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
stock b.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
END
boot
expect "rinit: ready"
ctl start a
logged a "a runs"
logged b "b runs"
ctl_fails 3 start c
