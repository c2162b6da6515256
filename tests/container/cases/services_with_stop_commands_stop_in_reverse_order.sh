# The later one's ExecStop= takes the longer: in parallel they would end in another order.
unit first <<'END'
[Service]
ExecStart=/bin/sleep 1000
ExecStop=/bin/true
END
unit second <<'END'
[Unit]
After=first.service
[Service]
ExecStart=/bin/sleep 1000
ExecStop=/bin/sleep 0.3
END
unit third <<'END'
[Unit]
After=second.service
[Service]
ExecStart=/bin/sleep 1000
ExecStop=/bin/sleep 0.6
END
boot
expect "rinit: ready"
inside /bin/poweroff
expect "rinit: stopped third"
expect "rinit: stopped second"
expect "rinit: stopped first"
ends 0
