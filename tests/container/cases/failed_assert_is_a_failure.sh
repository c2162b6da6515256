unit a <<'END'
[Unit]
AssertPathExists=/no/such
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
boot
expect "a.service: not started: AssertPathExists=/no/such does not hold"
expect "rinit: ready"
check "State: failed" ctl status a
