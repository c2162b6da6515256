mkdir -p "$root/etc/rinit/folder.service" "$root/etc/rinit/rinit.conf" "$root/etc/fstab" "$root/etc/passwd.d" \
	"$root/etc/hostname" "$root/etc/hosts" "$root/etc/machine-id" "$root/etc/rinit/network/x.network"
unit fine <<END
[Service]
ExecStart=/bin/echo fine runs
EnvironmentFile=/etc/hosts
Type=oneshot
END
unit other <<END
[Service]
ExecStart=/bin/echo other runs
EnvironmentFile=-/etc/hosts
END
boot rinit.fstab=yes
expect "/etc/rinit/folder.service: cannot read: Is a directory"
expect "rinit: ready"
logged other "other runs"
logged rinit "/etc/fstab"
logged rinit "/etc/rinit/rinit.conf"
logged rinit "x.network"
check "folder.service: cannot read: Is a directory" inside rinitctl check folder
ctl_fails 1 check folder
