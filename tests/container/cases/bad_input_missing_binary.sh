unit bad <<END
[Service]
ExecStart=/no/such/thing
END
unit fine <<END
[Service]
ExecStart=/bin/echo fine runs
END
boot
expect "bad.service: cannot run /no/such/thing: No such file or directory"
expect "rinit: ready"
logged fine "fine runs"
check "State: failed" ctl status bad
check "/etc/rinit/bad.service: ExecStart=: /no/such/thing is not there or can't be run" inside rinitctl check bad
ctl_fails 1 check bad
check "cannot run /no/such/thing" ctl log
ctl_fails 1 start bad
