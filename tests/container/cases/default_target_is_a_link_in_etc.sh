stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
wants graphical.target a.service
ln -s /lib/systemd/system/graphical.target "$root/etc/systemd/system/default.target"
boot
expect "rinit: ready"
check "State: active" ctl status graphical.target
logged a "a runs"
