# Whoever may write where a pid file or an output file lies could otherwise stop process 1.
mkdir -p "$root/srv"
mkfifo "$root/srv/pid" "$root/srv/output" "$root/srv/input"
unit daemon <<END
[Service]
Type=forking
PIDFile=/srv/pid
TimeoutStartSec=1
ExecStart=/bin/true
END
unit writer <<END
[Service]
StandardOutput=append:/srv/output
TimeoutStartSec=1
ExecStart=/bin/echo words
END
unit reader <<END
[Service]
StandardInput=file:/srv/input
TimeoutStartSec=1
ExecStart=/bin/cat
END
unit other <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "State: running" inside /bin/rinitctl status other
check "State: failed" inside /bin/rinitctl status daemon
check "State: failed" inside /bin/rinitctl status writer
check "State: failed" inside /bin/rinitctl status reader
