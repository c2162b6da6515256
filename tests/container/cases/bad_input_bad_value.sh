unit odd <<END
[Unit]
After=not/a/unit.service
[Service]
Type=oneshot
RemainAfterExit=perhaps
TimeoutStartSec=5 parsecs
Environment=GOOD=1 BAD-NAME=2
ExecStart=/bin/echo odd runs
END
unit vital <<END
[Service]
ExecStart=/bin/echo must not run
User=a:b
END
unit empty <<END
[Unit]
END
boot
expect "/etc/rinit/empty.service: no usable ExecStart= in [Service]: nothing to run"
expect "/etc/rinit/odd.service:2: After=: not/a/unit.service is not a unit's name and is left out"
expect "/etc/rinit/odd.service:5: RemainAfterExit=perhaps is not valid and has no effect"
expect "/etc/rinit/odd.service:6: TimeoutStartSec=5 parsecs is not valid and has no effect"
expect "/etc/rinit/odd.service:7: Environment=: BAD-NAME=2 is not valid and is left out"
expect "/etc/rinit/vital.service:3: User=a:b is not valid: the unit is not run"
expect "rinit: ready"
logged odd "odd runs"
never "must not run"
ctl_fails 1 check vital
ctl_fails 1 check empty
check "vital: cannot be used; see rinitctl log rinit" inside rinitctl status vital
check "vital.service:3: User=a:b is not valid" ctl log rinit
