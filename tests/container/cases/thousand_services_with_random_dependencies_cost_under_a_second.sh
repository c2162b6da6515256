random=1
next() { random=$(((random * 1103515245 + 12345) % 2147483648)) && pick=$((random / 65536 % 1000)); }
for i in {0..999}; do
	next
	printf '[Unit]\nAfter=u%d.service\n' $pick >"$root/etc/rinit/u$i.service"
	next
	printf 'After=u%d.service\nWants=u%d.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' \
		$pick $pick >>"$root/etc/rinit/u$i.service"
done
limit=30
boot
expect "units wait for each other: "
expect "rinit: ready"
[[ $(ctl list | grep -c "^u[0-9]*.service *active") == 1000 ]] || fail "not all of them ran"
read -r -a stat <"/proc/$pid/stat"
ticks=$((stat[13] + stat[14])) # utime and stime
((ticks < $(getconf CLK_TCK))) || fail "rinit used $ticks ticks of CPU"
