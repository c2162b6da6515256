unit steps <<END
[Service]
ExecCondition=/bin/echo condition
ExecStartPre=/bin/echo pre one
ExecStartPre=/bin/echo pre two
ExecStart=/bin/sleep 1000
ExecStartPost=/bin/echo post
ExecStop=/bin/echo stop
ExecStopPost=/bin/sh -c 'echo over \$SERVICE_RESULT'
END
boot
expect "steps.service: condition"
expect "steps.service: pre one"
expect "steps.service: pre two"
expect "steps.service: post"
expect "rinit: started steps.service"
ctl stop steps
log=$(ctl log steps)
[[ $log == *"stop"*"over success"* ]] || fail "ExecStop= and ExecStopPost= are not in: $log"
