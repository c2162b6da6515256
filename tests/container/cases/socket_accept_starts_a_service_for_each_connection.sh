stock talk.socket <<END
[Socket]
ListenStream=127.0.0.1:700
ListenStream=/run/talk
Accept=yes
END
stock talk@.service <<'END'
[Service]
ExecStart=/bin/sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID == $$$$)) from $REMOTE_ADDR $((REMOTE_PORT > 0))"; read -r line <&3; echo "$line, says %i" >&3'
END
wants sockets.target talk.socket
boot
expect "rinit: started talk.socket"
expect "rinit: ready"
check "hello, says 0-127.0.0.1:" inside sh -c 'echo hello | nc 127.0.0.1 700'
check "again, says 1-127.0.0.1:" inside sh -c 'echo again | nc 127.0.0.1 700'
logged "" "1 connection 1 from 127.0.0.1 1"
check "here, says 2-" sh -c "cd /proc/$pid/root/run && echo here | socat -t 10 - UNIX-CONNECT:talk"
logged "" "1 connection 1 from  0"
check "State: active" ctl status talk.socket
# Both have ended: nothing of them is left but the log.
for ((n = 0; n < 100; n++)); do ctl list | grep -q "talk@" || break; sleep 0.05; done
never "failed"
! ctl list | grep "talk@" || fail "instances that have ended are still there"
