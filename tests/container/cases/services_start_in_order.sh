unit third <<END
[Unit]
After=second.service
[Service]
Type=oneshot
ExecStart=/bin/echo three
END
unit first <<END
[Unit]
Before=second.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c "sleep 0.2; echo one"
END
unit second <<END
[Service]
Type=oneshot
ExecStart=/bin/echo two
END
boot
expect "first.service: one"
expect "second.service: two"
expect "third.service: three"
expect "rinit: ready"
