unit limited <<'END'
[Service]
Type=oneshot
LimitNOFILE=100:200
LimitCORE=infinity
LimitFSIZE=2M
Nice=5
OOMScoreAdjust=321
ExecStart=/bin/sh -c "ulimit -Sn; ulimit -Hn; ulimit -f; cut -d' ' -f19 /proc/self/stat; cat /proc/self/oom_score_adj"
END
boot
expect "limited.service: 100"
expect "limited.service: 200"
expect "limited.service: 4096"
expect "limited.service: 5"
expect "limited.service: 321"
