# A disk and a network card come to a running guest and go from it while they are used by several at once, again and again: the tuned
# kernel, four times; with --long Debian's kernel too, and each a dozen times.
# timeout: 400
# long: 900
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/plugged.initrd <<'END'
	# What is there, whenever that changes; what comes is used at once, and without end.
	use_disk() {
		mknod /dev/used-$1 b $(tr : ' ' </sys/block/$1/dev) 2>/dev/null # in /dev dd would make a file where the disk was
		dd if=/dev/urandom of=/tmp/pattern bs=64k count=16 2>/dev/null
		end=$(($(cat /sys/block/$1/size) / 128 - 16))
		dd if=/tmp/pattern of=/dev/used-$1 bs=64k seek=$end oflag=direct 2>/dev/null && sync
		dd if=/dev/used-$1 bs=64k skip=$end iflag=direct 2>/dev/null | cmp - /tmp/pattern && echo "disk $1 keeps what is written"
		for place in 100 200 300 400; do
			while dd if=/tmp/pattern of=/dev/used-$1 bs=64k seek=$place oflag=direct && dd if=/dev/used-$1 bs=64k skip=$place count=16 iflag=direct | cmp - /tmp/pattern; do :; done >/dev/null 2>&1 &
		done
		wait
	}
	use_card() {
		ip address add 10.9.9.2/24 dev $1 && ip link set $1 up
		until ping -c 1 -W 1 10.9.9.1 >/dev/null; do sleep 0.2; done
		echo "card $1 $(cat /sys/class/net/$1/address) reaches the host"
		ping -A -c 1000000 -s 1400 10.9.9.1 >/dev/null 2>&1 & # as fast as it is answered
		while [ -e /sys/class/net/$1 ]; do sleep 0.1; done
		kill $!
	}
	seen=" lo"
	echo "the guest is up"
	grep -H . /sys/bus/pci/slots/*/address
	while :; do
		now=$( (cd /sys/block && ls -d vd* 2>/dev/null; ls /sys/class/net) | tr '\n' ' ')
		now=" ${now% }"
		[ "$now" = "$seen" ] || echo "devices:$now."
		for device in $now; do
			case "$seen " in *" $device "*) continue ;; esac
			case $device in
			vd*) use_disk $device & ;;
			eth*) use_card $device & ;;
			esac
		done
		seen=$now
		sleep 0.1
	done
END
tunctl -t plug0 >/dev/null
ip address add 10.9.9.1/24 dev plug0
ip link set plug0 up

# The devices that the guest has told of last.
guest_has() {
	[ "$(tr -d '\r' <$log | grep '^devices:' | tail -n 1)" = "devices: $1." ]
}
said_times() {
	[ "$(tr -d '\r' <$log | grep -c "^$1")" = "$2" ]
}
refused() {
	status=0
	rastos-vmm device "$@" >told 2>&1 || status=$?
	[ $status = 4 ] || fail "device $*: exit status $status: $(cat told)"
}
# plug KERNEL ROUNDS
plug() {
	echo "--- $1"
	rm -f /tmp/plugged.img
	truncate -s 600M /tmp/plugged.img # more than the guest has memory: its process must be let write there
	cat >/etc/rastos/guests/plugged.json <<-END
		{ "name": "plugged", "role": "guest", "memory_mib": 256, "vcpus": 2, "ready": "started", "transport": "pci",
		  "kernel": { "path": "$1", "initrd": "/tmp/plugged.initrd", "cmdline": "console=ttyS0 panic=-1 loglevel=4" } }
	END
	rastos-vmm up -d --timeout 60
	log=/run/rastos/guests/plugged/console.log
	wait_for 120 printed $log "the guest is up"
	round=0
	while [ $round -lt "$2" ]; do
		round=$((round + 1))
		rastos-vmm device add --disk /tmp/plugged.img plugged data
		wait_for 30 guest_has "vda lo"
		wait_for 30 said_times "disk vda keeps what is written" $round
		rastos-vmm device add --net tap:plug0 plugged card
		wait_for 30 guest_has "vda eth0 lo"
		wait_for 30 said_times "card eth0 .* reaches the host" $round
		rastos-vmm device list plugged
		rastos-vmm device remove plugged data
		wait_for 30 guest_has "eth0 lo"
		! ls -l /proc/[0-9]*/fd 2>/dev/null | grep plugged.img || fail "round $round: the disk is still open"
		rastos-vmm device remove plugged card
		wait_for 30 guest_has "lo"
	done
	[ -n "$(dd if=/tmp/plugged.img bs=64k skip=100 count=16 2>/dev/null | tr -d "\000" | wc -c | grep -v "^0")" ] || fail "nothing was written to the disk"
	# What cannot be changes nothing.
	rastos-vmm device add --disk /tmp/plugged.img plugged data
	wait_for 30 guest_has "vda lo"
	refused add --disk /tmp/plugged.img plugged other
	guest_has "vda lo" || fail "a refusal changed something"
	! printed $log "BUG:|WARNING:|hung_task|nobody cared" || fail "the guest's kernel complains: $(grep -a -A 9 -E "BUG:|WARNING:" $log)"
	rastos-vmm kill plugged
	rastos-vmm down --timeout 30
}

if [ "$long" ]; then
	plug $tuned 12
	plug /payload/kernel/vmlinuz 12
else
	plug $tuned 4
fi
