for name in a b c; do
	stock $name.service <<END
[Service]
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
END
done
file etc/systemd/system-preset/10-mine.preset <<'END'
# the first that fits
enable a.service
disable b*
END
file usr/lib/systemd/system-preset/90-all.preset <<'END'
enable b.service
disable *
END
mkdir -p "$root/other/lib/systemd/system"
cp "$root/lib/systemd/system/c.service" "$root/other/lib/systemd/system/d.service"
boot
expect "rinit: ready"
ctl enable c
inside /bin/systemctl preset a b c >/dev/null || fail "preset"
check "enabled" ctl is-enabled a
ctl_fails 1 is-enabled b
ctl_fails 1 is-enabled c
ctl enable c
inside /bin/systemctl --preset-mode=enable-only preset c || fail "preset of one kind"
check "enabled" ctl is-enabled c
ctl disable a
inside /bin/systemctl preset-all || fail "preset-all"
check "enabled" ctl is-enabled a
ctl_fails 1 is-enabled c
inside /bin/systemctl --root=/other --quiet enable d || fail "enable in another root"
[[ $(readlink "$root/other/etc/systemd/system/multi-user.target.wants/d.service") == /lib/systemd/system/d.service ]] ||
	fail "the link in the other root"
[[ $(inside /bin/systemctl --root=/other is-enabled d) == enabled ]] || fail "is-enabled in another root"
ctl_fails 1 is-enabled d
inside /bin/systemctl --runtime --quiet mask a || fail "mask --runtime"
check "masked" inside /bin/systemctl is-enabled a
inside /bin/ls /run/systemd/system/a.service >/dev/null || fail "the mask is not in /run"
inside /bin/systemctl --runtime --quiet unmask a || fail "unmask --runtime"
inside /bin/systemctl --quiet add-wants graphical.target b || fail "add-wants"
[[ -L $root/etc/systemd/system/graphical.target.wants/b.service ]] || fail "add-wants made no link"
cp "$root/lib/systemd/system/c.service" "$root/root/e.service"
inside /bin/systemctl --quiet link /root/e.service || fail "link"
ctl start e
