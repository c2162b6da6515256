unit evil <<'END'
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c "rinitctl notify READY=1 \"STATUS=$(printf 'x\033[31my')\"; exec sleep 1000"
END
boot
expect "rinit: ready"
check "Status: x?[31my" ctl status evil
check '"Status":"x?[31my"' ctl --json status evil
check "StatusText=x?[31my" inside /bin/systemctl show -p StatusText evil
