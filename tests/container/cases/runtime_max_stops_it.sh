unit short <<END
[Service]
ExecStart=/bin/sleep 1000
RuntimeMaxSec=300ms
END
boot
expect "short.service: ran for 0.3 s, its RuntimeMaxSec=: stopping it"
for ((i = 0; i < 200; i++)); do [[ $(ctl status short) == *"State: stopping"* ]] && sleep 0.02 || break; done
check "State: failed" ctl status short
