unit worker <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
inside sh -c '(setsid sleep 1000 &)'
begin=$(date +%s%N)
signal TERM
ends 0
took=$((($(date +%s%N) - begin) / 1000000))
# Who does not end is killed after 2 s.
((took < 1900)) || fail "it took $took ms"
