unit short <<END
[Service]
ExecStart=/bin/sleep 1000
RuntimeMaxSec=300ms
END
boot
expect "short.service: ran for 0.3 s, its RuntimeMaxSec=: stopping it"
becomes "State: failed" ctl status short
