unit typo <<END
[Service]
ExecStart=/bin/echo typo runs
Restrt=always
this is nothing
[Nothing]
Key=value
END
unit fine <<END
[Service]
ExecStart=/bin/echo fine runs
END
boot
expect "/etc/rinit/typo.service:3: Restrt= in [Service] is not known here and has no effect"
expect "/etc/rinit/typo.service:4: this line is not Key=Value and has no effect"
expect "/etc/rinit/typo.service:6: Key= in [Nothing] is not known here and has no effect"
expect "rinit: ready"
logged typo "typo runs"
logged fine "fine runs"
check "/etc/rinit/typo.service:3: Restrt= in [Service] is not known here" inside rinitctl check typo
ctl_fails 1 check typo
ctl check fine
check "typo.service:4: this line" ctl log rinit
