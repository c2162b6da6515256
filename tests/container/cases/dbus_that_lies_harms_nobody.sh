unit name <<END
[Service]
Type=dbus
BusName=org.example.Name
TimeoutStartSec=30s
ExecStart=/bin/sleep 1000
END
boot
becomes control inside ls /run/rinit
mkdir -p "/proc/$pid/root/run/dbus"
limit=30
(cd "/proc/$pid/root/run/dbus" && timeout 50 python3 -c '
import os, socket, struct
listener = socket.socket(socket.AF_UNIX)
listener.bind("new")
listener.listen()
os.rename("new", "system_bus_socket")
header = lambda body, fields, kind=2: struct.pack("<BBBBIII", ord("l"), kind, 0, 1, body, 1, fields)
serial = struct.pack("<BBBBI", 5, 1, ord("u"), 0, 3)
lies = [b"REJECTED\r\n", b"OK" + b"k" * 1000, b"\xff" * 4096, header(0xffffffff, 0), header(0, 0xffffffff), header(8, 8),
        header(0, 8) + b"\x05\x01u\0" + b"\0" * 3, header(4, 8) + serial + b"\0" * 4, header(0, 0, 9)]
for i, lie in enumerate(lies):
    bus, _ = listener.accept()
    bus.settimeout(0.2)
    try:
        if i > 1:
            bus.sendall(b"OK 0123456789abcdef\r\n")
        while bus.recv(4096): pass
    except OSError:
        pass
    try:
        bus.sendall(lie)
        bus.shutdown(socket.SHUT_WR)
        bus.settimeout(5)
        while bus.recv(4096): pass
    except OSError:
        pass
    bus.close()
print("told all", flush=True)
listener.accept()[0].recv(1000)
' >"$root/told") &
liar=$!
for ((n = 0; n < 600; n++)); do [[ -s $root/told ]] && break; sleep 0.05; done
[[ -s $root/told ]] || fail "not every lie was listened to: $(ctl log)"
check "State: running" ctl status rinit-bus
check "State: starting" ctl status name
# Nobody but root may say that a name is owned.
check "only root may do that" python3 -c '
import os, socket, sys
folder = os.open(sys.argv[1], os.O_PATH)
os.fchdir(folder)
os.setuid(1000)
rinit = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
rinit.connect("control")
rinit.send(b"bus org.example.Name -1")
print(rinit.recv(1000).decode())' "/proc/$pid/root/run/rinit"
check "State: starting" ctl status name
never "rinit-bus.service ended"
kill "$liar"
