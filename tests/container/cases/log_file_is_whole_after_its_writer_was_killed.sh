mkdir -p "$root/var/log/rinit"
log=$root/var/log/rinit/rinit.log
boot
expect "rinit: ready"
for i in 1 2 3; do
	inside /bin/logger -t mark "before $i"
	for ((n = 0; n < 80; n++)); do grep -q "mark: before $i" "$log" 2>/dev/null && break; sleep 0.1; done
	writer=$(child_named rinit-log) || fail "no writer runs"
	kill -KILL "$writer"
	inside /bin/logger -t mark "after $i"
	for ((n = 0; n < 80; n++)); do grep -q "mark: after $i" "$log" && break; sleep 0.1; done
done
signal TERM
ends 0
for i in 1 2 3; do
	[[ $(grep -c "mark: before $i" "$log") == 1 && $(grep -c "mark: after $i" "$log") == 1 ]] || fail "$(cat "$log")"
done
