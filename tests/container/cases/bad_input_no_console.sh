before='exec <&- >&- 2>&-'
unit fine <<END
[Service]
ExecStart=/bin/echo fine runs
END
unit wants-it <<END
[Service]
StandardInput=tty
TTYPath=/dev/not-there
ExecStart=/bin/sleep 1000
END
boot
logged rinit "ready"
logged fine "fine runs"
check "State: failed" ctl status wants-it
check "its input or output: No such file or directory" ctl log wants-it
inside /bin/poweroff # may be killed with all others, before it can say so
ends 0
