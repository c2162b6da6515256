boot
expect "rinit: ready"
inside /bin/logger -t painter -p user.info "not for the console"
inside /bin/logger -t painter -p user.crit "out of paint"
expect "out of paint"
never "not for the console"
