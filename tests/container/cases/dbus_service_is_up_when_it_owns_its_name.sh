# Debian's bus, with what it needs, and its own units.
[[ -x /usr/bin/dbus-daemon && -e /lib/systemd/system/dbus.socket ]] || { echo "skipped: dbus is not installed"; exit 77; }
for path in /usr/bin/dbus-daemon $(ldd /usr/bin/dbus-daemon | grep -o '/[^ ]*'); do
	mkdir -p "$root/$(dirname "$path")" && cp -L "$path" "$root/$path"
done
mkdir -p "$root/usr/share/dbus-1/system.d"
cp /usr/share/dbus-1/system.conf "$root/usr/share/dbus-1"
echo "messagebus:x:100:102::/nonexistent:/bin/false" >>"$root/etc/passwd"
echo "messagebus:x:102:" >"$root/etc/group"
file usr/share/dbus-1/system.d/test.conf <<'END'
<busconfig><policy user="root"><allow own_prefix="org.example"/></policy></busconfig>
END
for name in dbus.socket dbus.service; do stock $name </lib/systemd/system/$name; done
wants sockets.target dbus.socket
unit owner <<END
[Service]
BusName=org.example.Owner
ExecStart=/bin/sh -c 'until [ -e /run/go ]; do sleep 0.05; done; exec peer own org.example.Owner'
END
unit after <<END
[Unit]
After=owner.service
[Service]
ExecStart=/bin/sleep 1000
END
unit second <<END
[Service]
Type=dbus
BusName=org.example.Second
ExecStart=/bin/peer own org.example.Second
END
boot
expect "rinit: started second.service"
check "State: starting" ctl status owner
check "State: waiting" ctl status after
touch "/proc/$pid/root/run/go"
expect "rinit: started owner.service"
expect "rinit: started after.service"
expect "rinit: ready"
ctl restart owner second
check "State: running" ctl status second
# What loses its name has ended: its process is told so.
inside kill -USR1 "$(ctl status owner | sed -n 's/.*Process: //p')"
becomes "State: inactive" ctl status owner
check "State: running" ctl status second
# The bus may be restarted beneath it: the names are gone, and come back with a new start.
ctl restart dbus
becomes "State: inactive" ctl status second
ctl start second owner
check "State: running" ctl status owner
