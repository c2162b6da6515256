unit forker <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 &) ; done"
END
boot
expect "rinit: ready"
for ((n = 0; n < limit * 20; n++)); do
	[[ -z $(inside sh -c "ps -o stat,comm | grep -e ^Z -e 'sleep$'") ]] && return
	sleep 0.05
done
fail "there are zombies: $(inside ps -o stat,comm)"
