boot
expect "rinit: ready"
python3 - <<END
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/proc/$pid/root/dev/log")
for data in (b"", b"<", b"<999>x", b"no priority", b"<13>\x00\xff\x1b[2J", os.urandom(60000), b"<13>two: one\nlines"):
    s.send(data)
END
logged syslog "no priority"
logged two "one"
check "two: lines" ctl log two
