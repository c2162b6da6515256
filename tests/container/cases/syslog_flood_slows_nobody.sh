boot
expect "rinit: ready"
for ((n = 0; n < 4; n++)); do
	inside /bin/sh -c 'while :; do logger -t flood "one of very many lines"; done' &
	floods+=($!)
done
python3 - "$root/dev/log" <<END &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/proc/$pid/root/dev/log")
while True: s.send(b"<13>Nov 23 10:00:00 flood: one of very many lines")
END
floods+=($!)
logged flood "one of very many"
for ((n = 0; n < 20; n++)); do timeout 2 "$bin/rinitctl.static" --version >/dev/null && check "multi-user.target" ctl list; done
used() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
before=$(used)
sleep 1
(($(used) - before < 60)) || fail "PID 1 used $(($(used) - before)) ticks of a second"
kill "${floods[@]}"
signal TERM
ends 0
