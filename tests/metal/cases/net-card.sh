# The stock kernel's driver and a network card of ours, on PCI: vhost-net with several queues, and our own code; data both ways with each
# offload on and off; link, announcement and bandwidth while it runs; macvtap.
# timeout: 300
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
tools=/payload/tools/ethtool
ip=/usr/bin/ip # busybox has one of its own
guest_initrd /tmp/card.initrd $tools/ethtool $tools/lib/* <<'END'
	ethtool() { /ld-linux-x86-64.so.2 --library-path / /ethtool "$@"; }
	# What the host sends, and the same back to it: the sums are right, or there are no such lines.
	transfer() {
		until nc 10.9.$1.1 7000 </tmp/open >/tmp/data && [ -s /tmp/data ]; do sleep 0.1; done
		until nc 10.9.$1.1 7001 </tmp/data >/dev/null; do sleep 0.1; done
		echo "$2: got $(md5sum </tmp/data)"
	}
	mkfifo /tmp/open
	sleep 100000 >/tmp/open &
	for card in 0 1; do
		ip address add 10.9.$card.2/24 dev eth$card
		ip link set eth$card up
	done
	ip address add 10.9.1.3/24 dev eth2
	ip link set eth2 up
	echo "queues $(ls -d /sys/class/net/eth0/queues/rx-* | wc -l)"
	transfer 0 "vhost"
	transfer 1 "ours without offloads"
	for offload in tx rx tso gso gro sg; do
		ethtool -K eth0 $offload off
		transfer 0 "vhost $offload off"
	done
	ethtool -L eth0 combined 1 && transfer 0 "one queue"
	ethtool -L eth0 combined 2 && transfer 0 "two queues"
	ethtool -k eth1 | grep -E "^(tx-checksumming|tcp-segmentation-offload):"
	ip address show dev eth2 | grep -q 52:54:00:00:09:03 && echo "macvtap has its address"
	arping -D -I eth1 -c 2 10.9.1.3 | grep "Unicast reply"
	echo "all is done"
	while :; do
		carrier=$(cat /sys/class/net/eth0/carrier)
		[ "$carrier" = "$before" ] || echo "carrier $carrier"
		before=$carrier
		if [ "$carrier" = 1 ] && nc 10.9.0.1 7002 </tmp/open >/tmp/timed 2>/dev/null && [ -s /tmp/timed ]; then
			echo "timed $(md5sum </tmp/timed)"
		fi
		sleep 0.2
	done
END
$ip tuntap add dev two mode tap multi_queue
$ip tuntap add dev own mode tap
$ip link add br9 type bridge
$ip link set own master br9
$ip address add 10.9.0.1/24 dev two
$ip address add 10.9.1.1/24 dev br9
for link in two own br9; do
	$ip link set $link up
done
dd if=/dev/urandom of=data bs=64k count=24 2>/dev/null
sum=$(md5sum <data | cut -c 1-32)
: >sums
while :; do nc -l -p 7000 <data >/dev/null; done &
mkfifo open
sleep 100000 >open &
while :; do nc -l -p 7001 <open | md5sum >>sums; done &

cat >card.json <<'END'
{ "name": "card", "role": "guest", "memory_mib": 256, "vcpus": 2, "ready": "started", "transport": "pci",
  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/card.initrd",
	      "cmdline": "console=ttyS0 panic=-1 loglevel=4" },
  "networks": [
    { "type": "tap", "device": "two", "id": "two", "queues": 2 },
    { "type": "tap", "device": "own", "id": "own", "vhost": false,
      "host": { "csum": false, "mrg_rxbuf": false }, "guest": { "csum": false } },
    { "type": "direct", "source": "br9", "mode": "bridge", "mac": "52:54:00:00:09:03" } ] }
END
cp card.json /etc/rastos/guests/
rastos-vmm up -d --timeout 60
log=/run/rastos/guests/card/console.log
wait_for 200 printed $log "all is done"
expect $log "^queues 2"
for what in "vhost" "ours without offloads" "one queue" "two queues"; do
	expect $log "^$what: got $sum"
done
for offload in tx rx tso gso gro sg; do
	expect $log "^vhost $offload off: got $sum"
done
[ "$(grep -c "$sum" sums)" = 10 ] && [ "$(wc -l <sums)" = 10 ] || fail "what came back differs: $(cat sums)"
expect $log "^tx-checksumming: off"
expect $log "^tcp-segmentation-offload: off"
expect $log "^macvtap has its address"
expect $log "Unicast reply from 10.9.1.3"
ps | grep -q '[[]vhost-' || fail "the kernel serves no queue"
$ip -d link show type macvtap | grep -q "mode bridge" || fail "there is no macvtap"

echo "link"
rastos-vmm device set --link down card two
wait_for 10 printed $log "^carrier 0"
rastos-vmm device set --link up card two
nc -l -p 7002 <data >/dev/null &
wait_for 20 printed $log "^timed $sum"

echo "announcement" # where the guest says nothing else
echo 1 >/proc/sys/net/ipv4/conf/br9/arp_accept
rastos-vmm pause card
$ip neigh flush dev br9
sleep 0.5
$ip neigh show dev br9 | grep lladdr && fail "the host knows the guest already"
rastos-vmm resume card
wait_for 10 sh -c "$ip neigh show dev br9 | grep -q '10.9.1.2 lladdr'"

echo "bandwidth"
rastos-vmm device set --inbound 512 card two
begin=$(date +%s)
nc -l -p 7002 <data >/dev/null
took=$(($(date +%s) - begin))
[ $took -ge 2 ] || fail "1.5 MiB came in $took s through 512 KiB/s"
rastos-vmm device set --inbound 0 card two
begin=$(date +%s)
nc -l -p 7002 <data >/dev/null
[ $(($(date +%s) - begin)) -le $took ] || fail "the limit is still there"

echo "no trace"
rastos-vmm kill --wait card
[ -z "$($ip -o link show type macvtap)" ] || fail "the macvtap outlived its guest"
ps | grep '[[]vhost-' && fail "vhost outlived its guest"

rastos-vmm undefine card
echo "bad input"
sed 's/"two", "id": "two", "queues": 2/"own", "id": "two", "queues": 4/; s/"name": "card"/"name": "bad"/' card.json >bad.json
rastos-vmm define bad.json
rastos-vmm start --wait bad 2>err && fail "it started"
grep -q "TAP own: this interface is not a TAP with 4 queues" err || fail "$(cat err)"
sed 's/"br9"/"eth9"/; s/"name": "card"/"name": "bad"/; /"tap"/d; /"host"/d' card.json >bad.json
rastos-vmm define --replace bad.json
rastos-vmm start --wait bad 2>err && fail "it started"
grep -q 'networks\[0\]: the host has no interface eth9' err || fail "$(cat err)"
rastos-vmm down --force
