file etc/fstab <<FSTAB
/dev/not-there  /later  ext4  nofail,x-systemd.device-timeout=60  0 2
/dev/not-there  /never  ext4  nofail,x-rinit.no-wait              0 2
/dev/not-there  /asked  ext4  noauto                              0 2
/dev/not-there  /soon   ext4  nofail,x-systemd.device-timeout=1s  0 2
FSTAB
boot rinit.fstab=yes
expect "rinit: ready"
check "starting" ctl list
logged never.mount "/dev/not-there: there is no such device"
logged soon.mount "/dev/not-there: there is no such device after 1.0 s"
check "State: inactive" ctl status asked.mount
check "State: starting" ctl status later.mount
signal TERM
ends 0
