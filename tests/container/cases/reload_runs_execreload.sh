unit web <<END
[Service]
ExecStart=/bin/sh -c "trap 'echo read again' HUP; echo set; while :; do sleep 0.05; done"
ExecReload=/bin/kill -HUP \$MAINPID
END
unit plain <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
logged web set
ctl reload web
logged web "read again"
check "State: running" ctl status web
check "plain.service: has no ExecReload=" ctl_fails 1 reload plain
