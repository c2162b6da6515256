stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
file lib/systemd/system/a.service.d/20.conf <<END
[Service]
ExecStart=
ExecStart=/bin/echo twenty
END
file etc/systemd/system/a.service.d/30.conf <<END
[Service]
ExecStart=/bin/echo thirty
END
file etc/systemd/system/service.d/10.conf <<END
[Service]
ExecStart=/bin/echo ten
Frobnicate=1
END
wants multi-user.target a.service
boot
expect "/etc/systemd/system/service.d/10.conf:3: Frobnicate= in [Service] is not known here"
expect "rinit: ready"
logged a "thirty"
check "twenty" ctl log a
[[ $(ctl log a) != *ten* ]] || fail "the emptied command ran"
