# rsyslog is the logger: it writes what programs say with syslog(3), what services print and what rinit says, from before it
# started, too. When it ends rinit listens in its place.
active rsyslog
logger -t metal -p user.notice "a line for syslog"
wait_for 10 grep -q "metal: a line for syslog" /var/log/syslog
wait_for 10 grep -q "rinit.*started" /var/log/syslog
wait_for 10 grep -q "kernel: .*Linux version" /var/log/syslog
logger -p auth.info -t metal "a line for auth"
wait_for 10 grep -q "a line for auth" /var/log/auth.log
rinitctl stop rsyslog
logger -t metal "while it is away"
wait_for 10 has "while it is away" rinitctl log
rinitctl start rsyslog
wait_for 10 grep -q "while it is away" /var/log/syslog
logger -t metal "it is back"
wait_for 10 grep -q "metal: it is back" /var/log/syslog
