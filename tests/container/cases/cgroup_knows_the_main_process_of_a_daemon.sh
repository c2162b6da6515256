with_cgroups
file bin/daemon <<'END'
#!/bin/sh
setsid sleep 1000 &
until grep -q ^sleep /proc/$!/cmdline; do :; done
END
chmod 755 "$root/bin/daemon"
unit one <<END
[Service]
Type=forking
Slice=my.slice
ExecStart=/bin/daemon
END
unit two <<END
[Service]
Type=forking
ExecStart=/bin/daemon
END
boot
expect "rinit: ready"
check "State: running" ctl status one
check "State: running" ctl status two
inside test -d /sys/fs/cgroup/my.slice/one.service || fail "Slice= is no folder"
main=$(ctl status one | sed -n 's/.*Process: //p')
check "/my.slice/one.service" inside cat "/proc/$main/cgroup"
