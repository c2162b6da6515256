script() { file "$1"; chmod +x "$root/$1"; }
script sbin/fsck.one <<'SCRIPT'
#!/bin/sh
echo "fsck $*"
sleep 0.2
exit 1
SCRIPT
script sbin/fsck.two <<'SCRIPT'
#!/bin/sh
echo "fsck of two"
exit 4
SCRIPT
script sbin/mount.one <<'SCRIPT'
#!/bin/sh
echo "mount $*"
exec mount -t tmpfs one "$2"
SCRIPT
ln -s mount.one "$root/sbin/mount.two"
file etc/fstab <<'FSTAB'
/dev/disk2 /two two nofail             0 2
/dev/disk1 /one one noatime,special=1  0 1
FSTAB
boot rinit.fstab=yes
expect "waiting for /dev/disk1" # it is given 90 s
inside mknod /dev/disk1 b 7 0
inside mknod /dev/disk2 b 7 0
expect "fsck -a /dev/disk1"
expect "mount /dev/disk1 /one -o noatime,special=1"
logged two.mount "fsck of two"
logged two.mount "/dev/disk2: fsck.two left errors: mend it by hand with fsck.two /dev/disk2"
becomes "one /one tmpfs" inside cat /proc/mounts
becomes "State: failed" ctl status two.mount
