unit flood <<END
[Service]
ExecStart=/bin/yes
END
boot
expect "rinit: ready"
check "running" ctl status flood
signal TERM
ends 0
