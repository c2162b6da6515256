file etc/fstab <<FSTAB
/no/such/source /needed none bind 0 0
tmpfs /needed/below tmpfs defaults 0 0
FSTAB
unit never <<UNIT
[Service]
ExecStart=/bin/echo must not run
UNIT
boot rinit.fstab=yes
expect "/no/such/source: cannot mount it on /needed as none: No such file or directory"
expect "needed.mount failed: see rinitctl log: an emergency shell: mend it, then reboot"
type "echo I am \$((6 * 7))"
expect "I am 42"
never "must not run"
never "rinit: ready"
check "emergency.service" ctl status
check "failed" ctl list
