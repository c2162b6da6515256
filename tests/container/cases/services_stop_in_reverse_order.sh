unit first <<END
[Service]
ExecStart=/bin/sh -c "trap 'exit 0' TERM; sleep 1000 & wait"
END
unit second <<END
[Unit]
After=first.service
[Service]
ExecStart=/bin/sh -c "trap 'sleep 0.3; exit 0' TERM; sleep 1000 & wait"
END
boot
expect "rinit: ready"
inside /bin/poweroff
expect "going to power off"
ends 0
