[[ -x /usr/bin/deb-systemd-helper ]] || { echo "skipped: init-system-helpers is not installed here"; exit 77; }
with_usr
stock web.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=multi-user.target
Alias=www.service
END
boot
expect "rinit: ready"
debian deb-systemd-helper unmask web.service || fail "unmask"
debian deb-systemd-helper --quiet was-enabled web.service || fail "was-enabled of a new unit"
debian deb-systemd-helper enable web.service || fail "enable"
debian deb-systemd-helper update-state web.service || fail "update-state"
[[ -L $root/etc/systemd/system/multi-user.target.wants/web.service ]] || fail "it is not wanted"
check "enabled" ctl is-enabled web
check "enabled" ctl is-enabled www
debian deb-systemd-helper mask web.service || fail "mask"
ctl_fails 1 is-enabled web
ctl_fails 4 start web
debian deb-systemd-helper unmask web.service || fail "unmask after mask"
debian deb-systemd-helper purge web.service || fail "purge"
[[ ! -e $root/etc/systemd/system/multi-user.target.wants/web.service ]] || fail "it is wanted after purge"
debian systemctl daemon-reload
ctl_fails 1 is-enabled web
