mkdir -p "$root/usr/lib"
ln -s usr/lib "$root/lib"
stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
wants multi-user.target a.service
boot
expect "rinit: ready"
logged a "a runs"
