[[ -x /usr/sbin/invoke-rc.d ]] || { echo "skipped: init-system-helpers is not installed here"; exit 77; }
with_usr
stock web.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/touch /run/reloaded
[Install]
WantedBy=multi-user.target
END
stock plain.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=multi-user.target
END
boot
expect "rinit: ready"
debian invoke-rc.d web start # not enabled: not started, which is no failure
ctl_fails 3 is-active web
ctl enable web plain
debian invoke-rc.d web start || fail "start"
ctl is-active web
debian invoke-rc.d web reload || fail "reload"
[[ -e $root/run/reloaded ]] || inside /bin/ls /run/reloaded >/dev/null || fail "it was not reloaded"
debian invoke-rc.d plain restart || fail "restart"
process=$(inside rinitctl status plain | grep Process)
debian invoke-rc.d plain force-reload || fail "force-reload"
[[ $(inside rinitctl status plain | grep Process) != "$process" ]] || fail "what cannot be reloaded was not restarted"
debian invoke-rc.d web status >/dev/null || fail "status of what runs"
debian invoke-rc.d web stop || fail "stop"
debian invoke-rc.d web status >/dev/null && fail "status of what does not run"
ctl mask plain
debian invoke-rc.d plain start || fail "start of a masked unit is no failure"
