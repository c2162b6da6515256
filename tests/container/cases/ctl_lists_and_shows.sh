unit worker <<END
[Unit]
Description=works hard
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "worker.service               running" ctl list
check "works hard" ctl list
check '"name":"worker.service","state":"running"' ctl --json list
check "State: running" ctl status worker
check '"State":"running"' ctl --json status
check "started works hard" ctl log rinit
