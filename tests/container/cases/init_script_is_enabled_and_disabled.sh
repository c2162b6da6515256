mkdir -p "$root"/etc/init.d
cat >"$root/etc/init.d/a" <<'SCRIPT'
#!/bin/sh
### BEGIN INIT INFO
# Provides:       a
# Default-Start:  2 3 4 5
### END INIT INFO
exit 0
SCRIPT
chmod +x "$root/etc/init.d/a"
boot
expect "rinit: ready"
check "disabled" inside systemctl is-enabled a
check "/etc/rc2.d/S01a -> ../init.d/a" ctl enable a
check "enabled" inside systemctl is-enabled a
check "../init.d/a" inside readlink /etc/rc5.d/S01a
check "/run/systemd/generator.late/multi-user.target.wants/a.service" inside ls -d /run/systemd/generator.late/multi-user.target.wants/a.service
# Debian's own program for it does it, where it is installed.
file usr/sbin/update-rc.d <<'SCRIPT'
#!/bin/sh
echo "update-rc.d $* ($_SKIP_SYSTEMD_NATIVE)" >>/called
[ "$2" = disable ] && for level in 2 3 4 5; do mv /etc/rc$level.d/S01a /etc/rc$level.d/K01a; done
exit 0
SCRIPT
chmod +x "$root/usr/sbin/update-rc.d"
ctl disable a
[[ $(cat "$root/called") == "update-rc.d a defaults (1)
update-rc.d a disable (1)" ]] || fail "called: $(cat "$root/called")"
check "disabled" inside systemctl is-enabled a
rm "$root/usr/sbin/update-rc.d"
ctl enable a
check "removed /etc/rc2.d/S01a" ctl disable a
check "../init.d/a" inside readlink /etc/rc5.d/K01a
# update-rc.d asks systemctl about units while it makes the links itself.
inside env SYSTEMCTL_SKIP_SYSV=1 systemctl --root=/ --quiet enable a
[[ ! -e $root/etc/rc2.d/S01a ]] || fail "it was enabled"
check "there is no such unit file" ctl_fails 3 enable b
