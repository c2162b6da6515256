stock talk.socket <<END
[Socket]
ListenDatagram=/run/talk/in
ListenFIFO=/run/talk/fifo
SocketMode=0622
FileDescriptorName=words
END
stock talk.service <<'END'
[Service]
ExecStart=/bin/sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID == $$$$))"; exec dd bs=100 count=1 <&3'
END
wants sockets.target talk.socket
boot
expect "rinit: started talk.socket"
expect "rinit: ready"
check "State: active" ctl status talk.socket
check "State: inactive" ctl status talk.service
check "srw--w--w-" inside ls -l /run/talk
inside env NOTIFY_SOCKET=/run/talk/in rinitctl notify HELLO=1
logged talk "2 words:words 1"
logged talk "HELLO=1"
# It has ended: the next one starts it again.
inside env NOTIFY_SOCKET=/run/talk/in rinitctl notify AGAIN=1
logged talk "AGAIN=1"
