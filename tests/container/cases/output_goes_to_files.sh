file var/old <<END
before
END
unit writer <<'END'
[Service]
Type=oneshot
StandardOutput=append:/var/old
StandardError=truncate:/var/new
ExecStart=/bin/sh -c 'echo out; echo err >&2'
END
unit half <<'END'
[Service]
Type=oneshot
StandardOutput=null
StandardError=journal
SyslogIdentifier=tag
ExecStart=/bin/sh -c 'echo out; echo err >&2'
END
boot
expect "half.service: tag: err"
expect "rinit: ready"
never "tag: out"
check "before
out" inside cat /var/old
check "err" inside cat /var/new
