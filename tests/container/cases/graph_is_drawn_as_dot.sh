unit first <<END
[Service]
ExecStart=/bin/sleep 1000
END
unit second <<END
[Unit]
Requires=first.service
After=first.service
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
check 'digraph rinit {' ctl graph
check '"second.service" -> "first.service" [color=red, label=requires]' ctl graph --dot
check '{"from":"second.service","to":"first.service","kind":"requires"}' ctl graph --json
