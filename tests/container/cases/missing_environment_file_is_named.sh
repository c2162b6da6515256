unit lost <<END
[Service]
EnvironmentFile=/etc/default/none
ExecStart=/bin/sleep 1000
END
boot
expect "lost.service: EnvironmentFile=/etc/default/none: No such file or directory"
becomes "State: failed" ctl status lost
