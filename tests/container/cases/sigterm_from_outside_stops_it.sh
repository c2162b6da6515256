unit worker <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
signal TERM
expect "going to power off"
ends 0
