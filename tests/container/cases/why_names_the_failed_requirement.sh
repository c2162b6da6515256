unit bad <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "exit 7"
END
unit middle <<END
[Unit]
Requires=bad.service
After=bad.service
[Service]
ExecStart=/bin/sleep 1000
END
unit last <<END
[Unit]
Requires=middle.service
After=middle.service
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check "last.service requires middle.service, which is failed" ctl why last
check "middle.service requires bad.service, which is failed" ctl why last
check "bad.service: its process ended with exit status 7" ctl why last
