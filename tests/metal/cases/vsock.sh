# Connections both ways between a guest's vsock ports and unix sockets of the host.
guest_initrd initrd /payload/tools/metal-vsock <<'END'
/metal-vsock connect 5000 "guest says hello" >/tmp/answer && echo "host said: $(cat /tmp/answer)"
echo listening
/metal-vsock listen 6000
poweroff
END
cat >answer <<'END'
#!/bin/sh
printf 'you said: '
cat
END
chmod +x answer
nc -lU /tmp/vs_5000 -e /tmp/answer 2>/dev/null &
start_guest log -m 192 --vsock /tmp/vs -i initrd $tuned
if ! nc -h 2>&1 | grep -q -- -U; then
	kill -9 $guest
	echo "busybox's nc has no unix sockets here"
	exit 77
fi
wait_for 30 printed log listening
expect log "host said: you said: guest says hello"
wait $guest
