file bin/daemon <<'END'
#!/bin/sh
setsid sleep 1000 &
until grep -q ^sleep /proc/$!/cmdline; do :; done
END
chmod 755 "$root/bin/daemon"
unit daemon <<END
[Service]
Type=forking
ExecStart=/bin/daemon
END
boot
expect "rinit: started daemon.service"
check "Process: $(inside pidof sleep)" ctl status daemon
inside sh -c 'kill $(pidof sleep)'
logged rinit "stopped daemon.service"
