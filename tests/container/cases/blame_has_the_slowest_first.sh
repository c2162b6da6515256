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
[[ $(ctl blame | head -n1) =~ ^" "*0\.[789][0-9]*" s  slow.service"$ ]] || fail "$(ctl blame)"
check "quick.service" ctl blame
ctl --json blame | python3 -c 'import json, sys; u = json.load(sys.stdin); assert u[0]["name"] == "slow.service" and u[0]["took_ms"] >= 700, u' || fail "$(ctl --json blame)"
ctl_fails 2 blame one
