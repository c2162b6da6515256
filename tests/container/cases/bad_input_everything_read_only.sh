mkdir -p "$root/etc/systemd/system"
: >"$root/etc/machine-id"
mkdir -p "$root/var/log" "$root/var/lib"
before="mount --bind $root $root && cd $root && mount -o remount,bind,ro ."
unit fine <<END
[Service]
RuntimeDirectory=fine
ExecStart=/bin/sh -c "echo x >/run/fine/x && echo fine runs; exec sleep 1000"
END
unit keeps <<END
[Service]
StateDirectory=keeps
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
logged fine "fine runs"
logged rinit "Read-only file system"
check "State: failed" ctl status keeps
check "Read-only file system" ctl log keeps
[[ $(inside wc -c /etc/machine-id) == "33 "* ]] || fail "there is no machine id of this boot"
check "cannot make the link: Read-only file system" inside rinitctl mask other
logged rinit "rinit.log: cannot"
[[ $(ctl log rinit | grep -c "rinit.log: cannot") == 1 ]] || fail "the log file is not named once: $(ctl log rinit)"
inside /bin/poweroff # may be killed with all others, before it can say so
ends 0
