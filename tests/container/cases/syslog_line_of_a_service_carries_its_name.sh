unit worker <<END
[Service]
ExecStart=/bin/sh -c "(echo by syslog; sleep 1000) | logger -t brush"
END
boot
expect "rinit: ready"
logged worker "worker.service: brush: by syslog"
