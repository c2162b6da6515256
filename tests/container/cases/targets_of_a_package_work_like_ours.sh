stock my.target <<END
[Unit]
Description=mine
END
stock a.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
stock b.service <<'END'
[Unit]
After=my.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
END
wants multi-user.target my.target
wants my.target a.service
wants multi-user.target b.service
boot
expect "rinit: ready"
check "State: active" ctl status my.target
logged b "b runs"
