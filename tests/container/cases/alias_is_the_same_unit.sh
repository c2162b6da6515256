stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
mkdir -p "$root/etc/systemd/system"
ln -s /lib/systemd/system/a.service "$root/etc/systemd/system/b.service"
boot
expect "rinit: ready"
ctl start b
check "Name: a.service" ctl status b
check "State: active" ctl status a
