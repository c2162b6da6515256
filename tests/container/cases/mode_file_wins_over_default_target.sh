stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
wants graphical.target a.service
ln -s /lib/systemd/system/graphical.target "$root/etc/systemd/system/default.target"
echo server >"$root/etc/rastos/mode"
boot
expect "rinit: ready"
[[ $(ctl list) != *graphical.target* ]] || fail "it went to the desktop"
