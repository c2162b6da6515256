unit parent <<'END'
[Service]
KillMode=mixed
TimeoutStopSec=5
ExecStart=/bin/sh -c '(trap "" TERM; while :; do sleep 0.1; done) & echo set; exec sleep 1000'
END
boot
logged parent set
before=$SECONDS
ctl stop parent
((SECONDS - before < 4)) || fail "the child was waited for"
inside pidof sleep && fail "a child is still there"
true
