boot
expect "rinit: ready"
inside /bin/poweroff
ends 0
