boot
expect "rinit: ready"
inside sh -c "(trap '' TERM HUP; setsid sh -c 'while :; do sleep 1; done' &)"
signal TERM
ends 0
