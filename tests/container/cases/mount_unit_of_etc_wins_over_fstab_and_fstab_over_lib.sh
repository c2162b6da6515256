mount_of() { file "$1/systemd/system/$2.mount" <<<"[Mount]
What=of-the-unit
Where=/$2
Type=tmpfs"; }
mount_of etc by-etc
mv "$root/etc/systemd/system/by-etc.mount" "$root/etc/systemd/system/by\\x2detc.mount"
mount_of lib data
ln -s /dev/null "$root/etc/systemd/system/masked.mount"
file etc/systemd/system/more.mount.d/size.conf <<END
[Mount]
Options=size=1m
END
file etc/fstab <<FSTAB
of-fstab /by-etc tmpfs defaults 0 0
of-fstab /data   tmpfs defaults 0 0
of-fstab /more   tmpfs defaults 0 0
of-fstab /masked tmpfs defaults 0 0
FSTAB
boot rinit.fstab=yes
expect "rinit: ready"
check "of-the-unit /by-etc tmpfs" inside cat /proc/mounts
check "of-fstab /data tmpfs" inside cat /proc/mounts
check "of-fstab /more tmpfs rw,relatime,size=1024k" inside cat /proc/mounts
[[ $(inside cat /proc/mounts) != *masked* ]] || fail "it is mounted"
check "# /run/systemd/generator/more.mount" ctl cat more.mount
