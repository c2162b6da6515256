# A disk that hangs is played by a writer that is stopped.
mkdir -p "$root/var/log/rinit"
log=$root/var/log/rinit/rinit.log
stock late.service <<END
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo late words
END
boot
expect "rinit: ready"
for ((n = 0; n < 80; n++)); do grep -q "rinit: ready" "$log" 2>/dev/null && break; sleep 0.1; done
writer=$(child_named rinit-log) || fail "no writer runs"
kill -STOP "$writer"
ctl start late
logged late "late words"
for ((n = 0; n < 300; n++)); do echo "line $n of a flood that no socket's buffer holds, since each line is as long as this one is and longer still"; done |
	inside /bin/logger -t flood
ctl list >/dev/null
grep -q "late words" "$log" && fail "the writer was not stopped"
kill -CONT "$writer"
for ((n = 0; n < 80; n++)); do grep -q "line 299" "$log" && break; sleep 0.1; done
[[ $(grep -c "late words" "$log") == 1 && $(grep -c "flood: line 150 " "$log") == 1 ]] || fail "$(cat "$log")"
kill -STOP "$writer"
inside /bin/logger -t flood "the last words"
sleep 0.3 # so that the writer has them
signal TERM
expect "its disk does not answer"
ends 0
