unit never <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot single
expect "started single-user shell"
type "rinitctl list"
expect "single.service"
never "never.service"
