rm "$root/bin/rinitctl"
file etc/fstab <<FSTAB
tmpfs /data tmpfs defaults 0 0
FSTAB
boot rinit.fstab=yes
expect "generator.service: failed"
expect "rinit: ready"
