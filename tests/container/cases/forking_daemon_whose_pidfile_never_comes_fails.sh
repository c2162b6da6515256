unit daemon <<END
[Service]
Type=forking
PIDFile=/run/never.pid
ExecStart=/bin/true
TimeoutStartSec=300ms
END
boot
expect "daemon.service: not ready after 0.3 s: stopping it"
becomes "State: failed" ctl status daemon
