boot
expect "rinit: ready"
inside /bin/reboot
ends 129
