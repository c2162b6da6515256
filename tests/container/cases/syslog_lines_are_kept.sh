boot
expect "rinit: ready"
inside /bin/logger -t painter -p user.info "a line by syslog"
logged painter "painter: a line by syslog"
check '"priority":6,"facility":1,"unit":"painter"' ctl log painter --json
