stock few.socket <<END
[Socket]
ListenStream=127.0.0.1:700
Accept=yes
MaxConnections=2
END
stock one.socket <<END
[Socket]
ListenStream=127.0.0.1:701
Accept=yes
MaxConnectionsPerSource=1
END
for name in few one; do
	stock $name@.service <<'END'
[Service]
StandardInput=socket
ExecStart=/bin/cat
END
	wants sockets.target $name.socket
done
boot
expect "rinit: ready"
mkfifo "$root/hold"
exec 4<>"$root/hold"
connect() { inside nc 127.0.0.1 "$1" <"$root/hold" >/dev/null & disown; }
connect 700; connect 700
for ((n = 0; n < 200; n++)); do (($(ctl list | grep -c "few@.*running") == 2)) && break; sleep 0.05; done
check "" inside sh -c 'echo three | timeout 10 nc 127.0.0.1 700'
expect "few.socket: MaxConnections= is reached: who comes from 127.0.0.1 is turned away"
connect 701
for ((n = 0; n < 200; n++)); do ctl list | grep -q "one@.*running" && break; sleep 0.05; done
check "" inside sh -c 'echo two | timeout 10 nc 127.0.0.1 701'
expect "one.socket: MaxConnectionsPerSource= is reached: who comes from 127.0.0.1 is turned away"
# Another address is another source.
check "other" sh -c "echo other | nsenter --target $pid --net socat -t 10 - TCP:127.0.0.1:701,bind=127.0.0.9"
