unit plain <<'EOF'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo soft $$(ulimit -Sn); set -- $$(grep "open files" /proc/1/limits); [ $$4 = $$5 ] && echo own $$((1024 < $$4))'
EOF
boot
expect "plain.service: soft 1024"
expect "plain.service: own 1"
