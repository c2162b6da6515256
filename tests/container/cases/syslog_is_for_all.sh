boot
expect "rinit: ready"
as_user /bin/logger -t somebody "not root"
logged somebody "not root"
