unit odd <<END
[Unit]
Description=quotes " and \\\\ and umlaut ü
[Service]
Type=oneshot
ExecStart=/bin/printf 'bad \\\\377 bytes " \\\\\\\\ \\\\n'
END
unit worker <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
for command in list status "status worker" blame chart graph "why worker" "restart worker" "stop worker"; do
	# shellcheck disable=SC2086
	ctl --json $command | python3 -c 'import json, sys; json.load(sys.stdin)' || fail "$command: $(ctl --json $command)"
done
ctl log --json | python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' || fail "log: not JSON"
check "\"code\":0" ctl_fails 3 --json start odd nothing
