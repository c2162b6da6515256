file etc/rastos/mode <<<server
stock greeter.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
[Install]
Alias=display-manager.service
END
mkdir -p "$root/etc/systemd/system"
ln -s /lib/systemd/system/greeter.service "$root/etc/systemd/system/display-manager.service"
boot
expect "mode server"
expect "rinit: ready"
ctl_fails 3 is-active greeter
