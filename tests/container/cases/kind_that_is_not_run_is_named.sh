stock a.timer <<END
[Timer]
OnBootSec=1
END
wants timers.target a.timer
boot
expect "a.timer: wanted by timers.target, but units of this kind are not run: it has no effect"
expect "rinit: ready"
