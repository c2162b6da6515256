stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
[Install]
Alias=x.service
END
stock b.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
[Install]
Alias=x.service
END
boot
expect "rinit: ready"
ctl enable a
ctl_fails 1 enable b
check "is a link to /lib/systemd/system/a.service already" inside /bin/rinitctl enable b
