unit parent <<'END'
[Service]
KillMode=process
ExecStart=/bin/sh -c 'sleep 2000 & echo set; exec sleep 1000'
END
boot
logged parent set
ctl stop parent
check "sleep 2000" inside ps
