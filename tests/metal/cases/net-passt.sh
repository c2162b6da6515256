# A network without root: DHCP from passt, TCP out, and TCP in through a published port.
dd if=/dev/urandom of=data bs=64k count=16 2>/dev/null
sum=$(md5sum <data | cut -c 1-32)
guest_initrd initrd <<'END'
until ip route | grep -q default; do sleep 0.1; done
gateway=$(ip route | sed -n 's/^default via \([^ ]*\).*/\1/p')
mkfifo /tmp/open
nc $gateway 7000 <>/tmp/open >/tmp/data
echo "guest got $(md5sum </tmp/data)"
# This passt does not always pass on that one side has said all: the other side decides when it is done.
timeout 20 nc -l -p 80 <>/tmp/open >/tmp/back &
until grep -q "^ *[0-9]*: [0-9A-F]*:0050 [0-9A-F:]* 0A" /proc/net/tcp*; do sleep 0.1; done
echo listening
wait $!
echo "guest was sent $(md5sum </tmp/back)"
poweroff
END
mkfifo open
nc -l -p 7000 <data >/dev/null &
start_guest log -m 192 -n passt:8080:80 -i initrd $tuned
wait_for 40 printed log listening
expect log "guest got $sum"
timeout 5 nc 127.0.0.1 8080 <data || true
wait $guest
expect log "guest was sent $sum"
if ps | grep -v grep | grep passt; then
	fail "passt outlived its guest"
fi
