unit a <<'END'
[Unit]
Wants=nss-lookup.target time-sync.target
After=nss-lookup.target time-sync.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
boot
expect "rinit: ready"
logged a "a runs"
check "State: active" ctl status nss-lookup.target
