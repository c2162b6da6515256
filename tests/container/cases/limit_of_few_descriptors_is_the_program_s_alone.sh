unit few <<'EOF'
[Service]
Type=oneshot
LimitNOFILE=6
RuntimeDirectory=few
User=root
ExecStart=/bin/sh -c 'ulimit -n; test -d /run/few && echo made'
EOF
boot
expect "few.service: 6"
expect "few.service: made"
