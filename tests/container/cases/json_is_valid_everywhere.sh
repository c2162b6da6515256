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
answers=$root/answers
json() { # FILTER COMMAND...: what python's FILTER says of the answer, d, must be true; asked at the end
	{
		echo "=$1"
		inside rinitctl --json "${@:2}"
	} >>"$answers"
}
for command in list status "status worker" blame chart graph "why worker" "restart worker" "stop worker"; do
	# shellcheck disable=SC2086
	json d $command
done
stock web.service <<'END'
[Service]
ExecStart=/bin/sleep 1000
Restrt="no\t"
[Install]
WantedBy=multi-user.target
END
json 'd[0]["unit"] == "web.service" and d[0]["state"] == "disabled" and d[0]["code"] == 1' is-enabled web
json 'd[0]["state"] == "inactive" and d[1]["state"] == "inactive"' is-active web odd
json 'len(d[0]["changes"]) == 1 and d[0]["code"] == 0' enable web
json 'd[0]["state"] == "enabled"' is-enabled web
json 'd[0]["code"] == 3 and "no such unit file" in d[0]["error"]' enable nothing
json 'd[0]["warnings"][0].startswith("/lib/systemd/system/web.service:3: Restrt=") and d[0]["code"] == 1' check web
json 'd[0]["code"] == 0 and "warnings" not in d[0]' check worker
json 'd[0]["files"][0]["path"] == "/lib/systemd/system/web.service" and "Restrt" in d[0]["files"][0]["text"]' cat web
json 'd[0]["state"] == "multi-user.target"' get-default
json 'd[0]["code"] == 1 and "no such process" in d[0]["error"]' kill worker
json 'd[0]["code"] == 0' reset-failed worker
json 'd[0]["code"] == 4' isolate worker
json 'd[0]["changes"] and d[0]["code"] == 0' mask web
json 'd[0]["code"] == 0' daemon-reload
json 'd[0]["code"] == 0' reset-failed
json 'len(d) > 5' log
python3 - "$answers" <<'END' || fail "not JSON, or not what it should be"
import json, sys
for answer in open(sys.argv[1], encoding="utf-8").read().split("\n="):
    asked, said = answer.lstrip("=").split("\n", 1)
    try:
        d = [json.loads(said)]
    except ValueError:
        d = [json.loads(line) for line in said.splitlines()]
    if not eval(asked):
        sys.exit(f"{asked}: {said}")
END
check "\"code\":0" ctl_fails 3 --json start odd nothing
