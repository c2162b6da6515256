unit who <<END
[Service]
User=nobody-there
ExecStart=/bin/sleep 1000
END
boot
expect "who.service: cannot run /bin/sleep: User or Group: No such file or directory"
expect "rinit: ready"
check "State: failed" ctl status who
check "/etc/rinit/who.service: User=nobody-there or one of its groups is not in /etc/passwd" inside rinitctl check who
check "User or Group" ctl log
