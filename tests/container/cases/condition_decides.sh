unit no <<END
[Unit]
ConditionPathExists=/no/such/file
[Service]
ExecStart=/bin/echo must not run
END
unit yes <<END
[Unit]
ConditionPathExists=!/no/such/file
[Service]
Type=oneshot
ExecStart=/bin/echo does run
END
boot
expect "does run"
expect "rinit: ready"
never "must not run"
check "a condition did not hold" ctl status no
