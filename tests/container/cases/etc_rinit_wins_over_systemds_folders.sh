stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo stock
END
file etc/systemd/system/a.service <<END
[Service]
Type=oneshot
ExecStart=/bin/echo administrator
END
unit a <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo ours
END
boot
expect "rinit: ready"
logged a "ours"
[[ $(ctl log a) != *stock* && $(ctl log a) != *administrator* ]] || fail "another file was used"
