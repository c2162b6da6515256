boot
expect "rinit: ready"
python3 - "$pid" <<'END' || fail "an answer is wrong"
import os, socket, sys
os.chroot(f"/proc/{sys.argv[1]}/root")
def ask(data):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("/run/rinit/control")
    s.send(data)
    return s.recv(8192)
for data, answer in ((b"frob", b"2\nrinit does not know"), (b"x" * 5000, b"2\nthe request is too long"),
                     (b"list\x00", b"2\nthe request has a control"), (b"log -n", b"2\nlog:"), (b" ", b"2\nrinit does not"),
                     (b"log -f -q", b"2\nlog:"), (b"status \xff\xfe", b"3\n"), (b"y" * 40, b"2\n")):
    assert ask(data).startswith(answer), (data, ask(data))
END
