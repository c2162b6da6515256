# With one before it and one behind it: each goes on listening, and starts its service.
for name in a b c; do
	stock $name.socket <<END
[Socket]
ListenStream=/run/$name
END
	stock $name.service <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo $name was asked; ls /proc/self/fd | wc -l >/dev/null'
StandardInput=socket
END
	wants sockets.target $name.socket
done
boot
expect "rinit: ready"
files() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
before=$(files)
for ((n = 0; n < 5; n++)); do
	for name in b c a; do ctl restart $name.socket; done
done
[[ $(files) == "$before" ]] || fail "it had $before descriptors, and has $(files)"
for name in a b c; do
	check "State: active" ctl status $name.socket
	inside test -S /run/$name || fail "/run/$name is gone"
done
check running inside /bin/rinitctl status
ctl stop b.socket
check "State: inactive" ctl status b.socket
ctl list >/dev/null
