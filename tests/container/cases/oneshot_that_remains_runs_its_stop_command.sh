unit mode <<END
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo on
ExecStop=/bin/echo off
END
boot
expect "mode.service: on"
expect "rinit: started mode.service"
check "State: active" ctl status mode
ctl stop mode
logged mode off
check "State: inactive" ctl status mode
