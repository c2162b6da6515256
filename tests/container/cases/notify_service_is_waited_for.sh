unit slow <<END
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c "sleep 0.2; rinitctl notify STATUS=almost; echo says so now; sleep 0.1; rinitctl notify READY=1 STATUS=serving; exec sleep 1000"
END
unit later <<END
[Unit]
After=slow.service
[Service]
Type=oneshot
ExecStart=/bin/echo later
END
boot
expect "slow.service: says so now"
expect "rinit: started slow.service"
expect "later.service: later"
check "Status: serving" ctl status slow
