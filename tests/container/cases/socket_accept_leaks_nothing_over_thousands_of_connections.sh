stock echo.socket <<END
[Socket]
ListenStream=/run/echo
Accept=yes
TriggerLimitBurst=0
END
stock echo@.service <<'END'
[Service]
StandardInput=socket
StandardError=null
ExecStart=/bin/true
END
wants sockets.target echo.socket
boot
expect "rinit: ready"
limit=30
comers() { (cd "/proc/$pid/root/run" && timeout 55 python3 -c '
import socket, sys
for i in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_UNIX)
    s.connect("echo")
    s.recv(1)
    s.close()
' "$1"); }
settled() { for ((n = 0; n < 200; n++)); do ctl list | grep -q "echo@" || return; sleep 0.05; done; fail "an instance stays"; }
memory() { awk '/^VmData/ { print $2 }' "/proc/$pid/status"; }
descriptors() { ls "/proc/$pid/fd" | wc -l; }
comers 100 || fail "the first ones were not served"
settled
before=$(memory) open=$(descriptors)
comers 2000 || fail "they were not served"
settled
[[ $(descriptors) == "$open" ]] || fail "$open descriptors became $(descriptors)"
(($(memory) <= before + 64)) || fail "$before KiB became $(memory)"
check "echo.socket" ctl list
