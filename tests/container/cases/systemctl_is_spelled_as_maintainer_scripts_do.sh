stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
[Install]
WantedBy=multi-user.target
END
stock b.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
END
boot
expect "rinit: ready"
inside /bin/systemctl --system daemon-reload || fail "daemon-reload"
inside /bin/systemctl --quiet is-active a.service && fail "a is active"
inside /bin/systemctl try-restart a.service || fail "try-restart"
[[ $(inside /bin/systemctl is-active a.service) == inactive ]] || fail "try-restart started it"
inside /bin/systemctl preset a.service || fail "preset"
inside /bin/systemctl --quiet is-enabled -- a.service || fail "is-enabled"
inside /bin/systemctl --system --quiet start a.service b.service || fail "start"
inside /bin/systemctl is-active --quiet b.service || fail "is-active"
inside /bin/systemctl --no-block restart a.service || fail "restart"
inside /bin/systemctl stop a b.service || fail "stop"
inside /bin/systemctl --frobnicate start a 2>/dev/null
[[ $? == 1 ]] || fail "an unknown option was taken"
check "LoadState=loaded" inside /bin/systemctl -p LoadState show a.service
check "LoadState=not-found" inside /bin/systemctl -p LoadState show nothing.service
[[ $(inside /bin/systemctl show --value --property SourcePath a.service) == "" ]] || fail "SourcePath"
check "CanReload=no" inside /bin/systemctl -p CanReload show a.service
inside /bin/systemctl --quiet is-system-running || fail "is-system-running"
[[ -z $(inside /bin/systemctl list-unit-files --full --type=socket) ]] || fail "list-unit-files"
check "a.service" inside /bin/systemctl list-unit-files
