# Ping and TCP through a TAP, both ways.
tunctl -t tap0 >/dev/null
ip address add 192.168.77.1/24 dev tap0
ip link set tap0 up
cat >udhcpd.conf <<'END'
start 192.168.77.10
end 192.168.77.20
interface tap0
lease_file /tmp/leases
option subnet 255.255.255.0
option router 192.168.77.1
END
: >leases
udhcpd -f udhcpd.conf >dhcp.log 2>&1 &
dd if=/dev/urandom of=data bs=64k count=16 2>/dev/null
guest_initrd initrd <<'END'
until ip -4 address show dev eth0 | grep -q 192.168.77; do sleep 0.1; done
ping -c 3 -W 5 192.168.77.1 && echo "guest pings host"
mkfifo /tmp/open
nc 192.168.77.1 7000 <>/tmp/open >/tmp/data
echo "guest got $(md5sum </tmp/data)"
echo listening
nc -l -p 80 </tmp/data
sleep 1
poweroff
END
mkfifo open
nc -l -p 7000 <data >/dev/null &
start_guest log -m 192 -n tap:tap0 -i initrd $tuned
wait_for 30 printed log listening
sum=$(md5sum <data | cut -c 1-32)
expect log "guest pings host"
expect log "guest got $sum"
address=$(ip neigh show dev tap0 | cut -d ' ' -f 1 | head -n 1)
ping -c 3 -W 5 "$address" || fail "the host cannot ping the guest"
wait_for 10 sh -c "nc -w 5 $address 80 <>open >back && [ -s back ]"
[ "$(md5sum <back | cut -c 1-32)" = "$sum" ] || fail "what the guest sent back differs"
wait $guest
