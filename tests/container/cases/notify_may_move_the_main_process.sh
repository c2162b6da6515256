file bin/daemon <<'END'
#!/bin/sh
(sleep 1000 & echo $! >/run/pid)
rinitctl notify MAINPID=$(cat /run/pid) READY=1
END
chmod 755 "$root/bin/daemon"
unit daemon <<END
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/daemon
END
boot
expect "rinit: started daemon.service"
sleep 0.2
check "Process: $(inside cat /run/pid)" ctl status daemon
check "State: running" ctl status daemon
