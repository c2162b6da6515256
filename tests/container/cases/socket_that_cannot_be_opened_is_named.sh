stock bad.socket <<END
[Socket]
ListenStream=nonsense
ListenStream=99999
SocketProtocol=sctp
ListenStream=/etc/passwd
END
wants sockets.target bad.socket
boot
expect "bad.socket:2: ListenStream=nonsense is not valid and has no effect"
expect "bad.socket:3: ListenStream=99999 is not valid and has no effect"
expect "bad.socket:4: SocketProtocol= in [Socket] is not known here and has no effect"
expect "bad.socket: cannot listen on /etc/passwd: Address in use"
expect "rinit: ready"
check "State: failed" ctl status bad.socket
