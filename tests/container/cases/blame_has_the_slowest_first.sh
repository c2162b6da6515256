unit slow <<END
[Service]
Type=oneshot
ExecStart=/bin/sleep 0.7
END
unit quick <<END
[Service]
Type=oneshot
ExecStart=/bin/true
END
boot
expect "rinit: ready"
[[ $(ctl blame | grep -n -e slow -e quick) =~ ^[0-9]+:" "*[0-9.]+" s  slow.service"$'\n'.*"quick.service"$ ]] || fail "$(ctl blame)"
check "quick.service" ctl blame
ctl --json blame | python3 -c 'import json, sys; u = json.load(sys.stdin)
took = [one["took_ms"] for one in u]
assert took == sorted(took, reverse=True), u
assert {one["name"]: one["took_ms"] for one in u}["slow.service"] >= 700, u' || fail "$(ctl --json blame)"
ctl_fails 2 blame one
