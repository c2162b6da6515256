stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
boot
expect "rinit: ready"
ctl_fails 3 start ../../../etc/passwd
ctl_fails 2 enable ../a.service
ctl_fails 3 start "a b"
