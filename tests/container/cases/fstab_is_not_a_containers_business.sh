file etc/fstab <<FSTAB
tmpfs /mounted tmpfs defaults 0 0
FSTAB
boot
expect "rinit: ready"
[[ $(inside cat /proc/mounts) != *mounted* ]] || fail "it is mounted"
