# What every case has at hand; it runs in the machine (bash).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive
cd /tmp

fail() {
	echo "FAILED: $*"
	exit 1
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/tmp/waited 2>&1; do
		((SECONDS < end)) || fail "it did not happen in time: $*: $(cat /tmp/waited)"
		sleep 0.1
	done
}

# check TEXT COMMAND...: the command's output has TEXT.
check() {
	local text=$1 output
	shift
	output=$("$@" 2>&1) || true
	[[ $output == *"$text"* ]] || fail "$*: \"$text\" is not in: $output"
}

# has TEXT COMMAND...: whether; for wait_for.
has() {
	local text=$1
	shift
	"$@" 2>&1 | tee /dev/stderr | grep -q -F -e "$text"
}

# active UNIT...: they run.
active() {
	local unit
	for unit; do
		[[ $(rinitctl is-active "$unit") == active ]] || fail "$unit: $(rinitctl status "$unit"; rinitctl log "$unit" -n 20)"
	done
}

# outside WORD...: what only the test can do that runs outside, and its answer (rinit.py):
#   type CONSOLE TEXT; expect CONSOLE TEXT SECONDS; qmp COMMAND [JSON]
outside() {
	local answer
	{ printf METAL-ASK && printf '\t%s' "$@" && echo; } >&3
	IFS= read -r answer <&3
	[[ $answer == ok* ]] || fail "outside $*: ${answer#no }"
	printf '%s\n' "${answer#ok }"
}
