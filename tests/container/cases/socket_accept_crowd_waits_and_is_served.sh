stock crowd.socket <<END
[Socket]
ListenStream=/run/crowd
Accept=yes
TriggerLimitIntervalSec=300ms
MaxConnections=1000
END
stock strict.socket <<END
[Socket]
ListenStream=/run/strict
Accept=yes
TriggerLimitBurst=3
TriggerLimitIntervalSec=1h
END
for name in crowd strict; do
	stock $name@.service <<'END'
[Service]
StandardInput=socket
ExecStart=/bin/echo served
Restart=always
END
	wants sockets.target $name.socket
done
boot
expect "rinit: ready"
(cd "/proc/$pid/root/run" && timeout 50 python3 -c '
import socket
def come(name):
    s = socket.socket(socket.AF_UNIX)
    s.connect(name)
    return s
crowd = [come("crowd") for i in range(400)]
served = sum(s.makefile().read() == "served\n" for s in crowd)
assert served == 400, served
few = [come("strict") for i in range(3)]
assert all(s.makefile().read() == "served\n" for s in few)
come("strict").close()
') || fail "not all were served"
expect "strict.socket: strict@.service does not take who comes: left alone until it is restarted"
never "crowd@.service does not take"
# Whom they served has gone: Restart= has nothing to do.
for ((n = 0; n < 100; n++)); do ctl list | grep -q "@" || break; sleep 0.05; done
! ctl list | grep "@" || fail "an instance stays"
ctl stop strict.socket crowd.socket
