stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
[Install]
WantedBy=multi-user.target
Alias=b.service
Also=c.service
END
stock c.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo c runs
[Install]
RequiredBy=multi-user.target
END
boot
expect "rinit: ready"
check "disabled" inside /bin/rinitctl is-enabled a
ctl enable a
[[ -L $root/etc/systemd/system/multi-user.target.wants/a.service && -L $root/etc/systemd/system/b.service && -L $root/etc/systemd/system/multi-user.target.requires/c.service ]] || fail "a link is missing"
check "enabled" ctl is-enabled a
ctl enable a
ctl start b
check "State: active" ctl status a
ctl disable a
[[ ! -e $root/etc/systemd/system/multi-user.target.wants && ! -L $root/etc/systemd/system/b.service ]] || fail "a link is left"
ctl_fails 1 is-enabled a
ctl_fails 1 is-enabled nothing
ctl_fails 3 enable nothing
