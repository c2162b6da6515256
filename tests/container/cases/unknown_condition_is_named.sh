unit a <<'END'
[Unit]
ConditionMoonIsFull=yes
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
boot
expect "/etc/rinit/a.service:2: ConditionMoonIsFull= is not known here: it counts as fulfilled"
expect "rinit: ready"
logged a "a runs"
