stock a.service <<END
[Unit]

[Service]
ExecStart=/bin/sleep 1000
END
stock b.service <<END
[Unit]

[Service]
ExecStart=/bin/sleep 1000
END
stock keep.service <<END
[Unit]
IgnoreOnIsolate=yes
[Service]
ExecStart=/bin/sleep 1000
END
stock my.target <<END
[Unit]
AllowIsolate=yes
Wants=b.service
END
wants multi-user.target a.service
wants multi-user.target keep.service
boot
expect "rinit: ready"
ctl isolate my.target
becomes "State: inactive" ctl status a
check "State: running" ctl status b
check "State: running" ctl status keep
ctl_fails 4 isolate network.target
