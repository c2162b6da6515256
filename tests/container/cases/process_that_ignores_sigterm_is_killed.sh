unit stubborn <<END
[Service]
ExecStart=/bin/sh -c "trap '' TERM; echo set; while :; do sleep 1; done"
TimeoutStopSec=300ms
END
boot
logged stubborn set
signal TERM
expect "stubborn.service: did not stop within 0.3 s: killed"
ends 0
