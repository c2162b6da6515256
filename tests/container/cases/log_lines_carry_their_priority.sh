unit talker <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "echo '<3>an error'; echo plain"
END
boot
expect "rinit: ready"
check '"priority":3,"facility":3,"unit":"talker.service","text":"an error"' ctl --json log talker
check '"priority":6,"facility":3,"unit":"talker.service","text":"plain"' ctl --json log talker
ctl --json log | python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' || fail "not JSON"
