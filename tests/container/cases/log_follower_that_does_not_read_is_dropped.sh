boot
expect "rinit: ready"
python3 - "$pid" <<'END' &
import os, socket, sys, time
os.chroot(f"/proc/{sys.argv[1]}/root")
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect("/run/rinit/control")
s.send(b"log -f")
open("/tmp/asked", "w").close()
time.sleep(60)
END
hanging=$!
for ((n = 0; n < 200; n++)); do [[ -e $root/tmp/asked ]] && break; sleep 0.05; done
inside /bin/sh -c "yes | head -n 20000 | logger -t flood" &
for ((n = 0; n < 300; n++)); do [[ $(ctl log rinit) == *"does not read: dropped, with "* ]] && break; sleep 0.1; done
kill "$hanging"
[[ $(ctl log rinit) =~ dropped,\ with\ [1-9][0-9]*\ lines\ not\ sent ]] || fail "$(ctl log rinit)"
