stock a.service <<END
[Unit]
Conflicts=b.service
[Service]
ExecStart=/bin/sleep 1000
END
stock b.service <<END
[Unit]

[Service]
ExecStart=/bin/sleep 1000
END
wants multi-user.target a.service
wants multi-user.target b.service
boot
expect "b.service: not started: it conflicts with a.service"
expect "rinit: ready"
check "State: running" ctl status a
