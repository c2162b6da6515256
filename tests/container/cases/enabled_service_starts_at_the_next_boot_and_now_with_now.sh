stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
[Install]
WantedBy=multi-user.target
END
boot
expect "rinit: ready"
ctl enable --now a
becomes "State: active" ctl status a
ctl disable --now a
ctl_fails 3 is-active a
