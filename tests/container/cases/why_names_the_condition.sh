unit picky <<END
[Unit]
ConditionPathExists=/nowhere
[Service]
ExecStart=/bin/true
END
boot
expect "rinit: ready"
check "picky.service was skipped: a condition did not hold" ctl why picky
check "ConditionPathExists=/nowhere" ctl why picky
