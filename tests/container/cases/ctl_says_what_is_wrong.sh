unit bad <<END
[Service]
Type=oneshot
ExecStart=/bin/false
END
boot
expect "rinit: ready"
ctl_fails 1 start bad
ctl_fails 3 start nothing
ctl_fails 3 status nothing
ctl_fails 2 start
ctl_fails 2 frobnicate
ctl_fails 2
ctl_fails 2 --frob list
ctl_fails 0 --help
