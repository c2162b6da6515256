[[ -x /usr/bin/deb-systemd-invoke ]] || { echo "skipped: init-system-helpers is not installed here"; exit 77; }
with_usr
stock web.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=multi-user.target
END
stock idle.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "disabled or a static unit, not starting it" debian deb-systemd-invoke start web.service
ctl_fails 3 is-active web
debian deb-systemd-helper enable web.service
debian systemctl daemon-reload
debian deb-systemd-invoke start web.service idle.service || fail "start"
ctl is-active web
ctl_fails 3 is-active idle
before_restart=$(inside rinitctl status web | grep Process)
debian deb-systemd-invoke restart web.service || fail "restart"
[[ $(inside rinitctl status web | grep Process) != "$before_restart" ]] || fail "restart left it running"
debian deb-systemd-invoke stop web.service || fail "stop"
ctl_fails 3 is-active web
debian deb-systemd-invoke --user daemon-reload || fail "--user: there are no users' managers, which is no failure"
