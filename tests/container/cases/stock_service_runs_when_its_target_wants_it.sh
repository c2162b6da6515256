stock a.service <<'END'
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
wants multi-user.target a.service
boot
expect "rinit: ready"
logged a "a runs"
ctl_fails 3 log nothing
[[ $(ctl list) != *b.service* ]] || fail "b was read though nobody wants it"
