stock broken.service <<'END'
[Service]
Type=oneshot
ExecStart=/bin/false
[Install]
WantedBy=multi-user.target
END
boot
expect "rinit: ready"
ctl_fails 1 enable --now broken
check "enabled" ctl is-enabled broken
inside /bin/systemctl --quiet --now enable broken 2>/dev/null && fail "systemctl enable --now"
ctl disable --now broken
ctl_fails 1 is-enabled broken
