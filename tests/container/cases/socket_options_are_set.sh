stock talk.socket <<END
[Socket]
ListenNetlink=kobject-uevent 1
ListenStream=[::]:700
ListenDatagram=/run/talk
ListenSpecial=/proc/self/mountinfo
BindIPv6Only=ipv6-only
KeepAlive=yes
NoDelay=yes
FreeBind=yes
ReceiveBuffer=16K
PassCredentials=yes
END
stock talk.service <<'END'
[Service]
NonBlocking=yes
ExecStart=/bin/sh -c 'for fd in 3 4 5 6; do echo "$fd $(readlink /proc/self/fd/$fd | cut -d: -f1) $(grep flags /proc/self/fdinfo/$fd)"; done; sleep 1000'
END
boot
expect "rinit: ready"
ctl start talk.socket
ctl start talk
logged talk "3 socket flags:	04002"
logged talk "6 /proc/1/mountinfo"
# Version 4 has the port to itself.
inside nc -l -p 700 127.0.0.1 </dev/null &
inside timeout 10 sh -c 'until nc 127.0.0.1 700 </dev/null 2>/dev/null; do sleep 0.1; done' || fail "the port is taken for version 4 too"
never "cannot be set"
