# A network without root: DHCP from passt, TCP out, and TCP in through a published port.
wait_for 20 sh -c "ip route | grep -q default"
dd if=/dev/urandom of=data bs=64k count=16 2>/dev/null
guest_initrd initrd <<'END'
until ip route | grep -q default; do sleep 0.1; done
gateway=$(ip route | sed -n 's/^default via \([^ ]*\).*/\1/p')
mkfifo /tmp/open
nc $gateway 7000 <>/tmp/open >/tmp/data
echo "guest got $(md5sum </tmp/data)"
echo listening
nc -l -p 80 </tmp/data
sleep 1
poweroff
END
mkfifo open
nc -l -p 7000 <data >/dev/null &
start_guest log -m 192 -n passt:8080:80 -i initrd $tuned
wait_for 30 printed log listening
sum=$(md5sum <data | cut -c 1-32)
expect log "guest got $sum"
wait_for 10 sh -c "nc -w 5 127.0.0.1 8080 <>open >back && [ -s back ]"
[ "$(md5sum <back | cut -c 1-32)" = "$sum" ] || fail "what the guest sent back differs"
wait $guest
ps | grep -v grep | grep passt && fail "passt outlived its guest"
true
