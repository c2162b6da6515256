unit up <<END
[Service]
ExecStart=/bin/sleep 1000
END
unit broken <<END
[Service]
ExecStart=/bin/false
Type=oneshot
END
unit down <<END
[Service]
ExecStart=/bin/true
[Install]
WantedBy=graphical.target
END
ln -s /dev/null "$root/etc/rinit/masked.service"
boot
expect "rinit: ready"
s() {
	local code=$1
	shift
	inside /bin/systemctl "$@" >/dev/null 2>&1
	local is=$?
	[[ $is == "$code" ]] || fail "systemctl $*: $is, not $code"
}
s 0 status up
s 3 status down
s 3 status broken
s 4 status nothing
s 0 is-active up
s 3 is-active down
s 0 is-active down up
s 3 is-active nothing
s 0 is-failed broken
s 1 is-failed up
s 0 is-enabled up
s 1 is-enabled masked
s 5 start nothing
s 5 stop nothing
s 5 restart nothing
s 1 start broken
s 1 start masked
s 1 reload up
s 1 is-system-running
s 1 frobnicate
s 1 --frobnicate status up
s 0 list-units
s 0 show nothing
s 0 --version
s 0 --help
check "degraded" inside /bin/systemctl is-system-running
ctl reset-failed
check "running" inside /bin/systemctl is-system-running
s 0 is-system-running
