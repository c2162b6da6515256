file etc/fstab <<FSTAB
tmpfs /data tmpfs defaults 0 0
FSTAB
unit user <<END
[Service]
ExecStart=/bin/sh -c 'cd /data; exec sleep 1000'
END
boot rinit.fstab=yes
expect "rinit: ready"
becomes sleep inside cat "/proc/$(ctl status user | sed -n 's/ *Process: //p')/comm" # it has gone there
check "data.mount: still active; see rinitctl log data.mount" ctl_fails 1 stop data.mount
logged data.mount "/data: is in use by sleep ("
check "State: active" ctl status data.mount
check "tmpfs /data tmpfs" inside cat /proc/mounts
check "data.mount: active; see rinitctl log" ctl_fails 1 restart data.mount
ctl stop user
ctl stop data.mount
[[ $(inside cat /proc/mounts) != *" /data "* ]] || fail "it is mounted"
check "State: inactive" ctl status data.mount
ctl start data.mount user
check "tmpfs /data tmpfs" inside cat /proc/mounts
signal TERM
ends 0
[[ $(grep -c "stays mounted" "$out") == 2 ]] || fail "the shutdown tells of it, too"
