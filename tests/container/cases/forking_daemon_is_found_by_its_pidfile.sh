file bin/daemon <<'END'
#!/bin/sh
sleep 1000 &
echo $! >/run/daemon.pid
END
chmod 755 "$root/bin/daemon"
unit daemon <<END
[Service]
Type=forking
PIDFile=daemon.pid
ExecStart=/bin/daemon
END
boot
expect "rinit: started daemon.service"
check "State: running" ctl status daemon
check "Process: $(cat "$root/run/daemon.pid" 2>/dev/null || inside cat /run/daemon.pid)" ctl status daemon
ctl stop daemon
check "State: inactive" ctl status daemon
inside pidof sleep && fail "the daemon is still there"
true
