unit first <<END
[Service]
ExecStart=/bin/sleep 1000
END
unit second <<END
[Unit]
Requires=first.service
After=first.service
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "first.service is running, process" ctl why first
check "first.service is required by second.service" ctl why first
check "second.service is enabled: multi-user.target waits for it" ctl why first
check "and it was ready at" ctl why second
check "multi-user.target is what the boot is for" ctl why multi-user.target
ctl stop second
check "second.service is inactive" ctl why second
check "it was stopped" ctl why second
ctl start second
check "second.service was started by rinitctl" ctl why second
