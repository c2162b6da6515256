unit slow <<END
[Service]
Type=notify
NotifyAccess=all
User=65534
ExecStart=/bin/sh -c "rinitctl notify READY=1 STATUS=serving; exec sleep 1000"
END
boot
expect "rinit: started slow.service"
check "Status: serving" ctl status slow
