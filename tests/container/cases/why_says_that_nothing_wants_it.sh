unit desktop <<END
[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=graphical.target
END
boot
expect "rinit: ready"
check "nothing has wanted it" ctl why desktop
ctl_fails 3 why nothing
ctl_fails 2 why
ctl_fails 2 why one two
