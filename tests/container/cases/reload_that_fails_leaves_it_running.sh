unit web <<END
[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/false
END
boot
expect "rinit: ready"
ctl_fails 1 reload web
check "State: running" ctl status web
