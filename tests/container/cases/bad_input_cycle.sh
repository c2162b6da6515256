unit a <<END
[Unit]
After=b.service
[Service]
Type=oneshot
ExecStart=/bin/echo a runs
END
unit b <<END
[Unit]
After=a.service
[Service]
Type=oneshot
ExecStart=/bin/echo b runs
END
boot
expect "units wait for each other: a.service after b.service after a.service"
expect "rinit: ready"
check "a runs" ctl log a
check "b runs" ctl log b
check "a.service after b.service after a.service" ctl log rinit
