boot
expect "rinit: ready"
signal SEGV
expect "emergency shell; what was running still is"
signal ABRT
expect "rinit: PID 1 crashed: SIGABRT"
type "echo alive \$((2 * 21))"
expect "alive 42"
