file etc/fstab <<FSTAB
/dev/not-there  /needed  ext4  x-systemd.device-timeout=1s         0 2
FSTAB
unit never <<UNIT
[Service]
ExecStart=/bin/echo must not run
UNIT
boot rinit.fstab=yes
expect "/dev/not-there: there is no such device after 1.0 s"
expect "needed.mount failed: see rinitctl log: an emergency shell: mend it, then reboot"
type "echo I am \$((6 * 7))"
expect "I am 42"
never "must not run"
check "State: failed" ctl status needed.mount
check "/dev/not-there: there is no such device" ctl log needed.mount
check "emergency.service" ctl status
