unit worker <<'END'
[Service]
Environment=A=b
RuntimeDirectory=worker
ExecStartPre=/bin/true
ExecStart=/bin/sleep 1000
ExecStopPost=/bin/true
END
boot
expect "rinit: ready"
ctl restart worker
descriptors=$(inside sh -c 'ls /proc/1/fd | wc -l')
inside sh -c 'for i in $(seq 400); do rinitctl restart worker || exit 1; done' || fail "a restart failed"
memory=$(inside grep VmData /proc/1/status)
inside sh -c 'for i in $(seq 500); do rinitctl restart worker || exit 1; done' || fail "a restart failed"
[[ $(inside sh -c 'ls /proc/1/fd | wc -l') == "$descriptors" ]] || fail "descriptors: not $descriptors any more"
[[ $(inside pidof sleep | wc -w) == 1 ]] || fail "processes are left"
[[ $(inside grep VmData /proc/1/status) == "$memory" ]] || fail "memory: not $memory any more but $(inside grep VmData /proc/1/status)"
inside sh -c 'ps -o stat,comm | grep ^Z' && fail "there are zombies"
true
