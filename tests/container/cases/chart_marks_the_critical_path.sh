unit slow <<END
[Service]
Type=oneshot
ExecStart=/bin/sleep 0.6
END
unit last <<END
[Unit]
After=slow.service
[Service]
Type=oneshot
ExecStart=/bin/sleep 0.3
END
unit beside <<END
[Service]
Type=oneshot
ExecStart=/bin/true
END
boot
expect "rinit: ready"
check "* slow.service" ctl chart
check "* last.service" ctl chart
check "  beside.service" ctl chart
COLUMNS=80 check "critical path" ctl chart
ctl --json chart | python3 -c 'import json, sys
c = json.load(sys.stdin); p = c["critical_path"]
assert p[-3:] == ["slow.service", "last.service", "multi-user.target"], p' || fail "$(ctl --json chart)"
