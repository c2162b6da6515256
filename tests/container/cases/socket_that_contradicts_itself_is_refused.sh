stock fifo.socket <<END
[Socket]
ListenFIFO=/run/fifo
Accept=yes
END
stock named.socket <<END
[Socket]
ListenStream=@named
Accept=yes
Service=other.service
END
stock two.socket <<END
[Socket]
ListenStream=@one
ListenStream=@two
END
stock two.service <<END
[Service]
StandardInput=socket
ExecStart=/bin/cat
END
for name in fifo named two; do wants sockets.target $name.socket; done
boot
expect "fifo.socket: Accept=yes: /run/fifo has no connections to accept"
expect "named.socket: Service= does not go with Accept=yes, which has its template"
expect "rinit: ready"
ctl_fails 1 start two
expect "two.service: StandardInput=socket: it has 2 sockets, not one"
