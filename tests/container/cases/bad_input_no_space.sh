mkdir -p "$root/var" "$root/srv"
before='mount -t tmpfs -o size=64k,nr_inodes=3 var var && mkdir var/log && { dd if=/dev/zero of=var/fill 2>/dev/null; true; }'
unit keeps <<END
[Service]
StateDirectory=keeps
ExecStart=/bin/sleep 1000
END
unit writes <<END
[Service]
StandardOutput=append:/var/log/out
ExecStart=/bin/sleep 1000
END
unit fine <<END
[Service]
ExecStart=/bin/echo fine runs
END
boot
expect "rinit: ready"
logged fine "fine runs"
logged rinit "No space left on device"
check "State: failed" ctl status keeps
check "No space left on device" ctl log keeps
check "State: failed" ctl status writes
inside rm /var/fill
inside mount -o remount,size=1m,nr_inodes=100 /var
ctl start keeps
check "State: running" ctl status keeps
