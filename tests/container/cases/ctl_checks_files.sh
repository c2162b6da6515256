stock good.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo good runs
END
stock bad.service <<END
[Service]
ExecStart=/bin/true
Restrt=no
END
boot
expect "rinit: ready"
ctl check good
ctl_fails 1 check bad
check "/lib/systemd/system/bad.service:3: Restrt= in [Service] is not known here" inside /bin/rinitctl check /lib/systemd/system/bad.service
ctl_fails 3 check nothing
stock clock.timer <<END
[Timer]
OnCalendar=daily
END
check "/lib/systemd/system/clock.timer: rinit does not run units of this kind" inside /bin/rinitctl check clock.timer
