stock a.service <<'END'
[Unit]
After=b.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
stock b.service <<END
[Service]
Type=oneshot
ExecStart=/bin/false
END
mkdir -p "$root/etc/systemd/system/a.service.requires"
ln -s /lib/systemd/system/b.service "$root/etc/systemd/system/a.service.requires/"
wants multi-user.target a.service
boot
expect "a.service: not started: b.service, which it requires, is failed"
expect "rinit: ready"
