boot
expect "rinit: ready"
flood() { inside "$@" /bin/sh -c 'while :; do rinitctl plan; rinitctl list; echo frobnicate | nc local:/run/rinit/control; done >/dev/null 2>&1' & floods+=($!); }
for ((n = 0; n < 6; n++)); do flood --setuid 1000 --setgid 1000; done
for ((n = 0; n < 3; n++)); do flood; done
sleep 0.5
for ((n = 0; n < 10; n++)); do check "multi-user.target" ctl list; done
inside /bin/logger -t painter "still here"
logged painter "still here"
kill "${floods[@]}"
signal TERM
ends 0
