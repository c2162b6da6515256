unit a <<'END'
[Unit]
Description=%Q
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
boot
expect "/etc/rinit/a.service:2: Description=: the specifier %Q is not known here and is left as it is"
expect "rinit: ready"
