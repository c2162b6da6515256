file etc/rastos/mode <<<desktop
stock greeter.service <<'END'
[Unit]
Conflicts=getty@tty7.service
After=systemd-user-sessions.service getty@tty7.service plymouth-quit.service
[Service]
ExecStart=/bin/sleep 1000
[Install]
Alias=display-manager.service
END
mkdir -p "$root/etc/systemd/system"
ln -s /lib/systemd/system/greeter.service "$root/etc/systemd/system/display-manager.service"
boot
expect "mode desktop"
expect "rinit: ready"
check "State: running" ctl status greeter
check "State: running" ctl status display-manager
check "State: active" ctl status graphical.target
[[ $(ctl graph --dot) == *'"greeter.service" -> "network.target"'* ]] || fail "it does not come after the network"
inside /bin/poweroff # may be killed with all others, before it can say so
ends 0
