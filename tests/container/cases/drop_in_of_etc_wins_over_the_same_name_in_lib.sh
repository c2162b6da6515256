stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
file lib/systemd/system/a.service.d/x.conf <<END
[Unit]
Description=of the package
END
file etc/systemd/system/a.service.d/x.conf <<END
[Unit]
Description=of the administrator
END
wants multi-user.target a.service
boot
expect "rinit: ready"
check "of the administrator" ctl status a
