# Lines as Debian 12's systemd, dbus and man-db ship them.
echo "messagebus:x:101:" >>"$root/etc/group"
echo "messagebus:x:101:101::/:/bin/false" >>"$root/etc/passwd"
printf 'root:x:0:\nutmp:x:43:\n' >>"$root/etc/group"
file usr/lib/tmpfiles.d/stock.conf <<'CONF'
d /run/user 0755 root root -
F! /run/utmp 0664 root utmp -
d /run/dbus/containers 0755 messagebus - - -
L /var/lib/dbus/machine-id - - - - /etc/machine-id
L+ /etc/mtab   -    -    -    -  ../proc/self/mounts
C /run/systemd/tpm2-pcr-signature.json 0444 root root - /.extra/tpm2-pcr-signature.json
q /var 0755 - - -
L /var/run - - - - ../run
f /var/log/wtmp 0664 root utmp -
D! /tmp/.X11-unix 1777 root root 10d
r! /tmp/.X[0-9]*-lock
x /tmp/systemd-private-%b-*
R! /tmp/systemd-private-*
z /run/log/journal/%m 2755 root systemd-journal - -
f+! /run/nologin 0644 - - - "System is booting up."
CONF
boot
expect "started files and folders of tmpfiles.d"
expect "rinit: ready"
never "tmpfiles.service: "
check "664 0 43" inside stat -c "%a %u %g" /run/utmp
check "1777" inside stat -c %a /tmp/.X11-unix
inside test ! -e /run/nologin || fail "nobody would remove /run/nologin"
