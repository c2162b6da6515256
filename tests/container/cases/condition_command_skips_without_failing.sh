unit skipped <<END
[Service]
ExecCondition=/bin/sh -c "exit 1"
ExecStart=/bin/echo never runs
END
unit broken <<END
[Service]
ExecCondition=/bin/sh -c "exit 255"
ExecStart=/bin/echo never runs
END
boot
expect "rinit: ready"
check "State: inactive (a condition did not hold)" ctl status skipped
check "State: failed" ctl status broken
