# Each feature of a network card off in turn, a card each: Linux' driver does not have it, and TCP brings the right bytes both ways
# without it, by vhost-net and by our own code. A boot with six of them on the tuned kernel; with --long all of them, on both kernels and
# by both transports.
# timeout: 120
# long: 900
guest_initrd initrd <<'END'
	mkfifo /tmp/open
	sleep 100000 >/tmp/open &
	for device in /sys/bus/virtio/devices/*; do
		card=$(basename $device/net/*)
		[ "$card" = "*" ] || echo "$card has $(cat $device/features)"
	done
	for card in /sys/class/net/eth*; do
		number=${card##*eth}
		ip address add 10.8.$number.2/24 dev eth$number
		ip link set eth$number up
		until nc 10.8.$number.1 7000 </tmp/open >/tmp/data && [ -s /tmp/data ]; do sleep 0.1; done
		until nc 10.8.$number.1 7001 </tmp/data >/dev/null; do sleep 0.1; done
		echo "eth$number got $(md5sum </tmp/data)"
	done
	dmesg | grep -iE "virtio.*(fail|error|broken|unexpected)|NETDEV WATCHDOG|is not a head|csum|BUG:|WARNING:" | sed 's/^/complaint: /'
	poweroff
END
for number in 0 1 2 3 4 5; do
	tunctl -t card$number >/dev/null
	ip address add 10.8.$number.1/24 dev card$number
	ip link set card$number up
done
dd if=/dev/urandom of=data bs=64k count=16 2>/dev/null
sum=$(md5sum <data | cut -c 1-32)
while :; do nc -l -p 7000 <data >/dev/null; done &
mkfifo open
sleep 100000 >open &
while :; do nc -l -p 7001 <open | md5sum >>sums; done &

# The bits of linux/virtio_net.h and linux/virtio_ring.h.
bit_of() {
	case $1 in
	host.csum) echo 0 ;;
	host.tso4) echo 11 ;;
	host.tso6) echo 12 ;;
	host.ecn) echo 13 ;;
	host.ufo) echo 14 ;;
	host.gso) echo 11 ;;
	host.mrg_rxbuf) echo 15 ;;
	guest.csum) echo 1 ;;
	guest.tso4) echo 7 ;;
	guest.tso6) echo 8 ;;
	guest.ecn) echo 9 ;;
	guest.ufo) echo 10 ;;
	driver.indirect) echo 28 ;;
	driver.event_idx) echo 29 ;;
	esac
}
# has CARD BIT: as the guest's driver says.
has() {
	[ "$(tr -d '\r' <log | sed -n "s/^eth$1 has //p" | cut -c $(($2 + 1)))" = 1 ]
}
# check KERNEL TRANSPORT VHOST FEATURE...: a guest with a card without each.
check() {
	echo "--- $1, $2, vhost $3, without: $(echo "$@" | cut -d ' ' -f 4-)"
	kernel=$1 transport=$2 vhost=$3 cards='' number=0
	shift 3
	for feature; do
		cards="$cards${cards:+,}{ \"type\": \"tap\", \"device\": \"card$number\", \"vhost\": $vhost, \"${feature%.*}\": { \"${feature#*.}\": false } }"
		number=$((number + 1))
	done
	cat >guest.json <<-END
		{ "name": "card", "memory_mib": 256, "vcpus": 2, "transport": "$transport", "networks": [ $cards ],
		  "kernel": { "path": "$kernel", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 panic=-1 loglevel=3" } }
	END
	: >sums
	rastos-vmm run guest.json </dev/null >log 2>&1 || fail "it did not power off: $(tail -n 20 log)"
	number=0
	for feature; do
		expect log "^eth$number got $sum"
		! has $number "$(bit_of $feature)" || fail "eth$number has $feature: $(grep -a "^eth$number has" log)"
		other=$(((number + 1) % $#))
		[ $# = 1 ] || [ $feature = host.gso ] || has $other "$(bit_of $feature)" ||
			fail "eth$other has no $feature: $(grep -a "^eth$other has" log)"
		number=$((number + 1))
	done
	[ "$(grep -c "$sum" sums)" = $# ] || fail "what came back differs: $(cat sums)"
	! printed log "^complaint" || fail "somebody complains: $(grep -a complaint log)"
}

if [ "$long" ]; then
	for kernel in $tuned /payload/kernel/vmlinuz; do
		for transport in mmio pci; do
			for vhost in true false; do
				# What has the sums off has segmentation off: the card after it must not be asked for that.
				check $kernel $transport $vhost host.tso4 host.tso6 host.ecn host.ufo host.mrg_rxbuf driver.indirect
				check $kernel $transport $vhost guest.tso4 guest.tso6 guest.ecn guest.ufo driver.event_idx host.csum
				check $kernel $transport $vhost guest.csum host.gso
			done
		done
	done
else
	check $tuned pci false host.csum guest.csum host.mrg_rxbuf guest.tso4 host.tso4 driver.indirect
fi
