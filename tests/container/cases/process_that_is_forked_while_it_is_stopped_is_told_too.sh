# The service forks once it has been told to stop, and ends: what it has forked is told, too, and not only killed after TimeoutStopSec=.
unit forks <<'END'
[Service]
ExecStart=/bin/sh -c "trap '/bin/sleep 4321 & /bin/sleep 0.3; exit' TERM; echo set; while :; do /bin/sleep 0.1; done"
TimeoutStopSec=300
END
boot
expect "rinit: ready"
logged forks set
inside timeout 30 rinitctl stop forks || fail "what it left behind was not told to end"
[[ -z $(inside pidof sleep) ]] || fail "it left a process behind"
