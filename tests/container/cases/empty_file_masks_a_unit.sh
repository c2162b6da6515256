stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
file etc/systemd/system/a.service </dev/null
wants multi-user.target a.service
boot
expect "rinit: ready"
ctl_fails 4 start a
