stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
file etc/systemd/system/a.service.d/x.conf <<END
[Unit]
Description=dropped
END
boot
expect "rinit: ready"
check "# /lib/systemd/system/a.service" ctl cat a
check "Description=dropped" ctl cat a
ctl_fails 3 cat nothing
