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
for i in {1..50}; do [[ $(inside /bin/rinitctl is-active a) == active ]] && break; sleep 0.05; done
ctl is-active a
ctl disable --now a
ctl_fails 3 is-active a
