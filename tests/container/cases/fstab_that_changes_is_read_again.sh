file etc/fstab <<FSTAB
tmpfs /old tmpfs defaults 0 0
FSTAB
boot rinit.fstab=yes
expect "rinit: ready"
inside /bin/sh -c 'printf "tmpfs /new tmpfs size=1m 0 0\nbad\n" >/etc/fstab'
check "/etc/fstab:2: this line has fewer than three fields and has no effect" ctl daemon-reload
ctl start new.mount
check "tmpfs /new tmpfs rw,relatime,size=1024k" inside cat /proc/mounts
# What is no more in it can still be unmounted.
check "State: active" ctl status old.mount
ctl stop old.mount
[[ $(inside cat /proc/mounts) != *" /old"* ]] || fail "it is mounted"
ctl_fails 3 start old.mount
