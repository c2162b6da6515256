unit who <<END
[Service]
User=nobody-there
ExecStart=/bin/sleep 1000
END
boot
expect "who.service: cannot run /bin/sleep: User or Group: No such file or directory"
check "State: failed" ctl status who
