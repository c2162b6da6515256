unit bad <<END
[Service]
Type=oneshot
ExecStart=/bin/false
END
unit needs <<END
[Unit]
Requires=bad.service
After=bad.service
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "bad.service: failed: exit status 1"
expect "needs.service: not started: bad.service, which it requires, is failed"
expect "rinit: ready"
