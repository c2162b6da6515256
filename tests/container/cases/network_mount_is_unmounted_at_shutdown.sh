# mount.nfs of this machine leaves a trace when it is unmounted; the local one is the end of shutdown's to unmount.
for name in mount umount; do
	printf '#!/bin/sh\n' >"$root/sbin/$name.tmpfs"
	chmod +x "$root/sbin/$name.tmpfs"
done
mkdir "$root/trace"
cat >"$root/sbin/mount.tmpfs" <<'SCRIPT'
#!/bin/sh
exec /bin/busybox mount -t tmpfs "$1" "$2"
SCRIPT
cat >"$root/sbin/umount.tmpfs" <<'SCRIPT'
#!/bin/sh
echo "$1" >>/trace/unmounted
exec /bin/busybox umount "$1"
SCRIPT
file etc/fstab <<FSTAB
h /net   tmpfs _netdev  0 0
l /local tmpfs defaults 0 0
FSTAB
unit user <<END
[Unit]
RequiresMountsFor=/net/x
[Service]
ExecStart=/bin/sh -c 'cd /net; trap "echo user >>/trace/unmounted; exit" TERM; sleep 1000 & wait'
END
boot rinit.fstab=yes
expect "rinit: ready"
check "h /net tmpfs" inside cat /proc/mounts
signal TERM
ends 0
[[ $(cat "$root/trace/unmounted") == "user
/net" ]] || fail "unmounted: $(cat "$root/trace/unmounted")"
