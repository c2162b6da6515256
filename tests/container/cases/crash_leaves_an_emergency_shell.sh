unit worker <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
signal SEGV
expect "rinit: PID 1 crashed: SIGSEGV"
expect "PID 1 crashed (SIGSEGV): an emergency shell; what was running still is"
type "echo still \$((2 * 21)); ps"
expect "still 42"
expect "sleep 1000"
