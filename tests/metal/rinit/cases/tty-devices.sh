# Terminals: each login owns its own as the controlling terminal, nobody else may read it, and a login that ends or is killed
# comes back on a terminal that nobody has open any more.
for tty in ttyS0 hvc0 tty1; do
	pid=$(rinitctl --json list | tr '{' '\n' | sed -n "s/.*\"getty@$tty.service\".*\"pid\":\([0-9]*\).*/\1/p")
	[[ $(ps -o tty= -p "$pid" | tr -d ' ') == "$tty" ]] || fail "$tty is not the terminal of its login: $(ps -p "$pid")"
	[[ $(ps -o sid= -p "$pid" | tr -d ' ') == "$pid" ]] || fail "the login on $tty leads no session"
	[[ $(stat -c "%U %a" /dev/$tty) == "root 6"?0 ]] || fail "/dev/$tty: $(stat -c "%U %a" /dev/$tty)"
	kill -KILL "$pid"
	wait_for 10 has "getty@$tty.service" rinitctl list --state=running
	wait_for 10 bash -c "! rinitctl status getty@$tty | grep -q -w $pid"
done
for tty in tty ptmx null zero console; do
	[[ -c /dev/$tty ]] || fail "/dev/$tty is missing"
done
# A terminal of a program's own: devpts, with the group that may write to it.
[[ $(script -q -c 'tty' /dev/null </dev/null | tr -d '\r') == /dev/pts/* ]] || fail "no pseudo terminal"
# Whoever hangs up takes the session's processes along.
outside type ttyS0 ""
outside expect ttyS0 "machine login: " 20
outside type ttyS0 root
outside expect ttyS0 "Password: " 20
outside type ttyS0 rastos
outside expect ttyS0 "root@machine" 30
outside type ttyS0 "sleep 4321"
wait_for 10 pgrep -f "sleep 4321"
rinitctl restart getty@ttyS0
pgrep -f "sleep 4321" && fail "a process of the session is left"
outside type ttyS0 ""
outside expect ttyS0 "machine login: " 20
