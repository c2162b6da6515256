stock a.service <<END
[Unit]
RefuseManualStart=yes
[Service]
ExecStart=/bin/sleep 1000
END
stock b.service <<END
[Unit]
RefuseManualStop=yes
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
ctl_fails 4 start a
ctl start b
ctl_fails 4 stop b
