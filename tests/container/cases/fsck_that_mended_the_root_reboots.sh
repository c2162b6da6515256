file sbin/fsck.one <<'SCRIPT'
#!/bin/sh
exit 3
SCRIPT
chmod +x "$root/sbin/fsck.one"
file etc/fstab <<'FSTAB'
/dev/null-disk / one defaults 0 1
FSTAB
boot rinit.fstab=yes
expect "rinit:"
inside mknod /dev/null-disk b 7 0
expect "-.mount: fsck mended it: the machine starts anew"
expect "going to reboot"
ends 129
