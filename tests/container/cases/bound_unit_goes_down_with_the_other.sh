stock a.service <<END
[Unit]
BindsTo=b.service
After=b.service
[Service]
ExecStart=/bin/sleep 1000
END
stock b.service <<END
[Unit]

[Service]
ExecStart=/bin/sleep 1000
END
wants multi-user.target a.service
boot
expect "rinit: ready"
check "State: running" ctl status a
inside kill -KILL "$(ctl status b | sed -n "s/.*Process: //p")"
logged rinit "stopped a.service"
