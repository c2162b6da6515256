mkdir -p "$root"/etc/{init.d,rc2.d,rc3.d,rc4.d,rc5.d}
script() { # NAME HEADER...: says what it is asked to do; its daemon is a sleep
	local name=$1
	shift
	{
		printf '#!/bin/sh\n### BEGIN INIT INFO\n# Provides: %s\n' "$name"
		printf '# %s\n' "$@"
		printf '# Short-Description: the %s\n### END INIT INFO\n' "$name"
		cat <<-'END'
		me=${0##*/}
		echo "$me $1"
		case $1 in
		start) sleep 1000 & echo $! >/run/$me.pid ;;
		stop) kill $(cat /run/$me.pid) && rm /run/$me.pid ;;
		reload) echo "$me takes it up again" ;;
		*) exit 2 ;;
		esac
		END
	} >"$root/etc/init.d/$name"
	chmod +x "$root/etc/init.d/$name"
}
link() { for level in 2 3 4 5; do ln -s "../init.d/$1" "$root/etc/rc$level.d/S01$1"; done; }
script second 'Required-Start: $local_fs $syslog first other-name' "Default-Start: 2 3 4 5"
script first "Required-Start: \$local_fs"
script asked "Required-Start:"
link first
link second
stock unit-too.service <<END
[Service]
ExecStart=/bin/echo unit, not script
END
script unit-too
link unit-too
boot
expect "started LSB: the first"
expect "started LSB: the second"
expect "rinit: ready"
logged first "first start"
logged second "second start"
check "State: running" ctl status first
check "State: inactive" ctl status unit-too
[[ $(inside /bin/rinitctl list) != *asked* ]] || fail "it is not enabled"
check "SourcePath=/etc/init.d/first" inside systemctl show -p SourcePath first
ctl start asked
check "State: running" ctl status asked
ctl reload asked
logged asked "asked takes it up again"
ctl restart asked
check "State: running" ctl status asked
ctl stop asked
check "State: inactive" ctl status asked
ctl stop first
inside test -e /run/first.pid && fail "its stop has not run"
signal TERM
ends 0
