unit worker <<END
[Service]
ExecStart=/bin/sh -c "logger -t brush by syslog; sleep 1000"
END
boot
expect "rinit: ready"
logged worker "worker.service: brush: by syslog"
