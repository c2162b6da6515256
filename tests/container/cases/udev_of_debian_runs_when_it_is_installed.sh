# As Debian's package udev ships them, but for what a udevd of a shell script has no use for.
stock systemd-udevd.service <<'END'
[Unit]
Description=udev's daemon
DefaultDependencies=no
After=systemd-sysusers.service systemd-hwdb-update.service
Before=sysinit.target
ConditionPathIsReadWrite=/sys
Wants=systemd-udevd-control.socket
[Service]
Type=notify
NotifyAccess=all
ExecStart=/lib/systemd/systemd-udevd
ExecReload=udevadm control --reload --timeout 0
KillMode=mixed
Restart=always
RestartSec=0
END
stock systemd-udevd-control.socket <<'END'
[Unit]
DefaultDependencies=no
Before=sockets.target
ConditionPathIsReadWrite=/sys
[Socket]
Service=systemd-udevd.service
ListenSequentialPacket=/run/udev/control
SocketMode=0600
PassCredentials=yes
RemoveOnStop=yes
END
stock systemd-udev-trigger.service <<'END'
[Unit]
DefaultDependencies=no
Wants=systemd-udevd.service
After=systemd-udevd-kernel.socket systemd-udevd-control.socket
Before=sysinit.target
ConditionPathIsReadWrite=/sys
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-udevadm trigger --type=subsystems --action=add
ExecStart=-udevadm trigger --type=devices --action=add
END
stock systemd-udev-settle.service <<'END'
[Unit]
DefaultDependencies=no
Wants=systemd-udevd.service
After=systemd-udev-trigger.service
Before=sysinit.target
[Service]
Type=oneshot
TimeoutSec=180
RemainAfterExit=yes
ExecStart=udevadm settle
END
mkdir -p "$root/lib/systemd/system/sysinit.target.wants"
for name in systemd-udevd systemd-udev-trigger; do ln -s ../$name.service "$root/lib/systemd/system/sysinit.target.wants/"; done
ln -s systemd-udevd.service "$root/lib/systemd/system/udev.service"
file lib/systemd/systemd-udevd <<'SCRIPT'
#!/bin/sh
echo "udevd, with $LISTEN_FDS socket"
rinitctl notify READY=1
exec sleep 1000
SCRIPT
file bin/udevadm <<'SCRIPT'
#!/bin/sh
echo "udevadm $*"
SCRIPT
chmod +x "$root/lib/systemd/systemd-udevd" "$root/bin/udevadm"
unit user <<END
[Unit]
Wants=systemd-udev-settle.service
After=udev.service systemd-udev-settle.service
[Service]
ExecStart=/bin/echo after udev
END
boot
expect "started udev's daemon"
expect "rinit: ready"
logged systemd-udevd "udevd, with 1 socket"
logged systemd-udev-trigger "udevadm trigger --type=devices --action=add"
logged systemd-udev-settle "udevadm settle"
logged user "after udev"
check "State: running" ctl status udev.service
ctl reload udev
logged systemd-udevd "udevadm control --reload --timeout 0"
ctl stop udev systemd-udevd-control.socket
inside test -e /run/udev/control && fail "its socket is left behind"
check "State: inactive" ctl status systemd-udevd
