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
wants multi-user.target b.service
boot
expect "rinit: ready"
check "State: running" ctl status b
ctl start a
logged rinit "b.service is stopped: it conflicts with a.service, which starts"
becomes "State: inactive" ctl status b
ctl start b
becomes "State: inactive" ctl status a
