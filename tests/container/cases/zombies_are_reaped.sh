unit forker <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 &) ; done"
END
boot
expect "rinit: ready"
sleep 0.4
check "0" inside sh -c 'ps -o stat | grep -c Z || true'
inside sh -c 'ps -o stat,comm | grep ^Z' && fail "there are zombies"
true
