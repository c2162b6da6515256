stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
boot
expect "rinit: ready"
ctl mask a
ctl_fails 4 start a
check "masked" inside /bin/rinitctl is-enabled a
ctl unmask a
ctl start a
check "static" ctl is-enabled a
