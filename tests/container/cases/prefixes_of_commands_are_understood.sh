file etc/passwd <<END
root::0:0:root:/root:/bin/sh
web:x:33:33:web:/srv:/bin/sh
END
unit prefixed <<'END'
[Service]
Type=oneshot
User=web
Environment=A=b
ExecStart=@/bin/busybox echo called by another name
ExecStart=/bin/id -u
ExecStart=+/bin/id -u
ExecStart=:/bin/echo $A
ExecStart=/bin/echo one ; /bin/echo two
END
boot
expect "prefixed.service: called by another name"
expect "prefixed.service: 33"
expect "prefixed.service: 0"
expect 'prefixed.service: $A'
expect "prefixed.service: one"
expect "prefixed.service: two"
