# A guest without a manager on a bridge that the host has.
ip link add br0 type bridge
ip address add 192.168.78.1/24 dev br0
ip link set br0 up
cat >udhcpd.conf <<'END'
start 192.168.78.10
end 192.168.78.20
interface br0
lease_file /tmp/leases
option subnet 255.255.255.0
option router 192.168.78.1
END
: >leases
udhcpd -f udhcpd.conf >dhcp.log 2>&1 &
guest_initrd initrd <<'END'
until ip -4 address show dev eth0 | grep -q 192.168.78; do sleep 0.1; done
ping -c 3 -W 5 192.168.78.1 && echo "guest pings host"
poweroff
END
start_guest log -m 192 -n bridge:br0 -i initrd $tuned
wait_for 30 sh -c 'ls /sys/class/net/br0/brif | grep -q rtap'
wait_for 60 printed log "guest pings host"
wait $guest
[ -z "$(ls /sys/class/net/br0/brif)" ] || fail "the TAP outlived its guest"
rastos-vmm run -n bridge:br1 $tuned 2>err && fail "a bridge that is not there was used"
grep -q 'networks\[0\]: the host has no bridge br1, did you mean br0?' err || fail "$(cat err)"
rastos-vmm run -n network:default $tuned 2>err && fail "run made a network"
grep -q 'network default is made by the manager' err || fail "$(cat err)"
