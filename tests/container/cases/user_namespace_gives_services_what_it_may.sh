# A container without the right to raise limits or to lower an OOM score: services run with as much as there is.
unshare_options=(--user --map-root-user)
unit greedy <<END
[Service]
Type=oneshot
RemainAfterExit=yes
LimitNOFILE=infinity
LimitNPROC=infinity
OOMScoreAdjust=-900
Nice=-10
ExecStart=/bin/sh -c 'echo files \$(ulimit -H -n) score \$(cat /proc/self/oom_score_adj)'
END
ulimit -n 4096
mount -t tmpfs dev "$root/dev" # as a runtime does: a device node cannot be made in there
cp -a /dev/null /dev/tty "$root/dev/"
boot
expect "files 4096 score"
expect "rinit: ready"
check "State: active" inside /bin/rinitctl status greedy
