mkdir "$root/var"
unit worker <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
inside /bin/logger -t painter "a line"
logged painter "a line"
sleep 1
switches() { awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$pid/status"; }
before=$(switches)
sleep 1.5
[[ $(switches) == "$before" ]] || fail "woke $(($(switches) - before)) times for nothing"
