unit other <<END
[Service]
ExecStart=/bin/sleep 1000
END
file bin/daemon <<'END'
#!/bin/sh
pidof sleep >/run/daemon.pid
END
chmod 755 "$root/bin/daemon"
unit daemon <<END
[Unit]
After=other.service
[Service]
Type=forking
PIDFile=/run/daemon.pid
ExecStart=/bin/daemon
TimeoutStartSec=300ms
END
boot
expect "daemon.service: not ready after 0.3 s: stopping it"
check "State: running" ctl status other
