cat >>"$root/etc/passwd" <<'PASSWD'
daemon:x:7:7::/:/bin/false
PASSWD
echo "log:x:9:" >"$root/etc/group"
mkdir -p "$root/var/lib/old/sub" "$root/etc/keep" "$root/usr/share/factory/etc/from"
touch "$root/var/lib/old/sub/file" "$root/var/stale.1" "$root/var/stale.2" "$root/etc/keep/file"
echo factory >"$root/usr/share/factory/etc/from/file"
file usr/lib/tmpfiles.d/a.conf <<'CONF'
d  /run/daemon            2750 daemon log -
d  /run/deep/er           - - - -
f  /run/daemon/greeting   0640 daemon log -  hello\n%H %% %t
f+ /etc/keep/file         - - - - new text
L  /run/link              - - - - ../etc/hosts
L+ /etc/keep/link         - - - - /target
p  /run/pipe              0600 - - -
C  /etc/from              - - - -
D  /var/lib/old           0711 - - 10d
r! /var/stale.*
z  /etc/k*                0700 - log -
d  /run/nobody            0755 nosuchuser - -
w  /etc/keep/w*           - - - - never made
a+ /run/daemon            - - - - group:log:r
f^ /run/credential        - - - - some.name
k  /run/unknown
d  /run/wrong             9999
d  relative
d  /run/%q
CONF
file etc/tmpfiles.d/b.conf <<'CONF'
d /run/masking 0700
CONF
file usr/lib/tmpfiles.d/b.conf <<'CONF'
d /run/masked 0700
CONF
ln -s /elsewhere "$root/etc/keep/link"
boot
expect "/usr/lib/tmpfiles.d/a.conf:16: this line has a type that is not known here"
expect "/usr/lib/tmpfiles.d/a.conf:17: this line has no octal mode"
expect "/usr/lib/tmpfiles.d/a.conf:18: this line has no absolute path"
expect "/usr/lib/tmpfiles.d/a.conf:19: this line has a %specifier that is not known here"
expect "/usr/lib/tmpfiles.d/a.conf:12: nosuchuser: there is no such user"
expect "1 lines of types t, h and a (attributes, ACLs) have no effect: not done"
expect "rinit: ready"
state() { check "$1" inside stat -c "%a %u %g %F" "$2"; }
state "2750 7 9 directory" /run/daemon
state "755 0 0 directory" /run/deep
state "640 7 9 regular file" /run/daemon/greeting
state "600 0 0 fifo" /run/pipe
state "711 0 0 directory" /var/lib/old
state "700 0 9 directory" /etc/keep
state "700 0 0 directory" /run/masking
check "% /run" inside cat /run/daemon/greeting
check "new text" inside cat /etc/keep/file
check "../etc/hosts" inside readlink /run/link
check "/target" inside readlink /etc/keep/link
check "factory" inside cat /etc/from/file
for gone in /var/lib/old/sub /var/stale.1 /var/stale.2 /etc/keep/w /run/credential /run/masked; do
	[[ ! -e $root$gone ]] || fail "$gone is there"
done
