# test -d is what Debian's scripts ask; docker and runc go to D-Bus where lstat(2) says that it is a folder.
boot
expect "rinit: ready"
inside test -d /run/systemd/system || fail "maintainer scripts would not use systemctl"
inside test -L /run/systemd/system || fail "docker would look for systemd on D-Bus"
inside sh -c 'printf "[Service]\nExecStart=/bin/sleep 1000\n" >/run/systemd/system/made.service'
ctl start made
check "State: running" ctl status made
