stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
mkdir -p "$root/etc/systemd/system"
ln -s /dev/null "$root/etc/systemd/system/a.service"
unit b <<'END'
[Unit]
Wants=a.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
END
unit c <<'END'
[Unit]
Requires=a.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo c runs
END
boot
expect "c.service: not started: a.service, which it requires, is masked"
expect "rinit: ready"
logged b "b runs"
ctl_fails 4 start a
check "is masked" inside /bin/rinitctl start a
