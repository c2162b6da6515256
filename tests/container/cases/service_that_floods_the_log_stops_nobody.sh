unit flood <<END
[Service]
ExecStart=/bin/yes
END
boot
expect "rinit: ready"
check "State: running" ctl status flood
signal TERM
ends 0
