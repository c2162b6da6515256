unit syslog <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
mkdir -p "/proc/$pid/root/run/systemd/journal"
timeout 10 python3 - "/proc/$pid/root/run/systemd/journal/syslog" >"$root/got" <<'END' &
import os, socket, sys
folder = os.open(os.path.dirname(sys.argv[1]), os.O_PATH)
os.fchdir(folder)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("syslog")
while True: print(s.recv(8192).decode(), flush=True)
END
listener=$!
got() { for ((n = 0; n < 50; n++)); do grep -q "$1" "$root/got" && return; sleep 0.1; done; fail "\"$1\" is not in: $(cat "$root/got")"; }
got "rinit: ready"
inside /bin/logger -t painter "by way of rinit"
got "painter: by way of rinit"
kill "$listener"
