mkdir -p "$root/source/below" "$root/a"
echo "from the source" >"$root/source/file"
# Out of order on purpose: b lies in a tmpfs, its bind on a folder that the tmpfs does not have yet.
file etc/fstab <<FSTAB
# a comment
/source    /a/b        none   bind,ro          0 0
tmpfs      /a          tmpfs  size=1m,noexec   0 0   # and one more
tmpfs      /my\040disk tmpfs  nosuid,mode=0700 0 0
/a/b/below /c          none   bind
FSTAB
unit last <<END_UNIT
[Service]
ExecStart=/bin/cat /a/b/file
END_UNIT
boot rinit.fstab=yes
expect "started /a/b from /source"
expect "rinit: ready"
logged last "from the source"
check " /a tmpfs rw,noexec" inside cat /proc/mounts
check ' /my\040disk tmpfs' inside cat /proc/mounts
check "Read-only file system" inside touch /a/b/new
check "/c " inside cat /proc/mounts
check "a-b.mount" ctl list
check 'my\x20disk.mount' ctl list
check "State: active" ctl status a-b.mount
