boot
expect "rinit: ready"
refused() {
	local sentence=$1 output
	shift
	output=$(inside /bin/systemctl "$@" 2>&1)
	[[ $? == 1 ]] || fail "systemctl $*: was taken"
	[[ $output == "systemctl: $sentence" ]] || fail "systemctl $*: $output"
}
refused "--user: rinit manages this system, and nobody else's services" --user start x
refused "--machine=1@: rinit manages this system, and nobody else's services" --machine=1@ start x
refused "suspend: rinit does not put machines to sleep" suspend
refused "edit: write a file in /etc/systemd/system/UNIT.d/, then daemon-reload" edit x
refused "list-timers: rinit runs no timers" list-timers
refused "frobnicate: rinit does not know this command" frobnicate
refused "the option \"--wait\" is not known to rinit" start --wait x
