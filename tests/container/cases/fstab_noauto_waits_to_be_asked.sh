file etc/fstab <<FSTAB
tmpfs /asked       tmpfs noauto        0 0
tmpfs /asked/below tmpfs noauto,size=1m 0 0
FSTAB
boot rinit.fstab=yes
expect "rinit: ready"
[[ $(inside cat /proc/mounts) != *asked* ]] || fail "it is mounted"
ctl start asked.mount
check "tmpfs /asked tmpfs" inside cat /proc/mounts
ctl start asked-below.mount
check "tmpfs /asked/below tmpfs" inside cat /proc/mounts
