unit talker <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "echo to stdout; echo to stderr >&2; printf 'no newline'"
END
boot
expect "rinit: ready"
check "talker.service: to stdout" ctl log talker
check "talker.service: to stderr" ctl log talker
check "talker.service: no newline" ctl log
