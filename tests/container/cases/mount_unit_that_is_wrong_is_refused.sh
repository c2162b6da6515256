for name in name what; do mkdir -p "$root/etc/systemd/system/multi-user.target.wants"; ln -s "/lib/systemd/system/$name.mount" "$root/etc/systemd/system/multi-user.target.wants/"; done
stock name.mount <<END
[Mount]
What=tmpfs
Where=/other
END
stock what.mount <<END
[Mount]
Where=/what
LazyUnmount=perhaps
END
boot
expect "/lib/systemd/system/name.mount: Where=/other wants a unit that is called other.mount"
expect "/lib/systemd/system/what.mount:3: LazyUnmount=perhaps is not valid and has no effect"
expect "/lib/systemd/system/what.mount: no What=: nothing to mount"
expect "rinit: ready"
check "wants a unit that is called other.mount" ctl_fails 1 check name.mount
