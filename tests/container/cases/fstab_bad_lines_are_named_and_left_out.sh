file etc/fstab <<FSTAB
tmpfs /only-two
tmpfs relative tmpfs defaults 0 0
tmpfs /up/../there tmpfs defaults 0 0
tmpfs /n tmpfs defaults 0 x
tmpfs /m tmpfs defaults 0 0 0
tmpfs /good tmpfs size=1m,x-systemd.automount,x-gvfs-show 0 0
tmpfs /good tmpfs size=2m 0 0
FSTAB
boot rinit.fstab=yes
expect "/etc/fstab:1: this line has fewer than three fields and has no effect"
expect "/etc/fstab:2: this line has no absolute path, free of .., as its mount point and has no effect"
expect "/etc/fstab:3: this line has no absolute path"
expect "/etc/fstab:4: this line has no number where dump and pass belong"
expect "/etc/fstab:5: this line has more than six fields"
expect "/etc/fstab:6: option x-systemd.automount is not known here and has no effect: it is mounted at boot"
expect "/etc/fstab:7: this line is about what has a line already"
expect "rinit: ready"
check "/good tmpfs rw,relatime,size=1024k" inside cat /proc/mounts
never "x-gvfs"
