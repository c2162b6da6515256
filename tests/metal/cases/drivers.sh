# Linux's own drivers, of Debian's kernel and of the tuned one, by both transports, on 1 to 4 vCPUs: random writes of several threads
# that are checked in the guest and on the host, and every driver unbound and bound again while its device is used, from the device
# and from its transport.
# timeout: 100
# long: 1800
tool=/payload/tools
tunctl -t tap0 >/dev/null
ip address add 192.168.79.1/24 dev tap0
ip link set tap0 up
guest_initrd initrd $tool/metal-load $tool/metal-vsock <<'END'
	seed=1
	cpus=$(nproc)
	# The disk: bound again while somebody still had it open, it has another letter.
	disk() {
		ls /dev/vd? 2>/dev/null
	}
	# use WHEN: each device does its work.
	use() {
		seed=$((seed + 1))
		/metal-load write $(disk) $seed $((cpus * 2)) && /metal-load check $(disk) $seed && echo "$1: the disk keeps what is written"
		ip address replace 192.168.79.2/24 dev eth0
		ip link set eth0 up
		ping -c 2 -s 4000 -W 5 192.168.79.1 >/dev/null && echo "$1: the card reaches the host"
		[ "$(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)" = 16 ] && echo "$1: there is entropy"
		[ "$(/metal-vsock connect 5000 $1)" = "echo: $1" ] && echo "$1: vsock reaches the host"
	}
	# Until they are told to stop, all devices work; what is unbound meanwhile fails them.
	busy() {
		while :; do /metal-load write $(disk) 0 4 2>/dev/null || sleep 0.1; done &
		ping -A -c 1000000 -s 1400 192.168.79.1 >/dev/null 2>&1 &
		while :; do dd if=/dev/hwrng of=/dev/null bs=64 count=8 2>/dev/null || sleep 0.1; done &
	}
	calm() {
		for job in $(jobs -p); do
			kill $job
			wait $job 2>/dev/null
		done
		while pidof metal-load >/dev/null; do sleep 0.1; done
	}
	# rebind BUS DRIVER DEVICE
	rebind() {
		echo $3 >/sys/bus/$1/drivers/$2/unbind && echo $3 >/sys/bus/$1/drivers/$2/bind || echo "complaint: $3 is not bound again to $2"
	}
	there() {
		i=0
		until [ "$(disk | wc -l)" = 1 ] && [ -e /sys/class/net/eth0 ] && [ -c /dev/hwrng ] && [ "$(cat /sys/class/misc/hw_random/rng_current)" != none ]; do
			i=$((i + 1))
			[ $i -lt 100 ] || { echo "complaint: devices are missing"; break; }
			sleep 0.1
		done
	}
	there
	use first
	busy
	for device in /sys/bus/virtio/devices/*; do
		[ ! -L $device/driver ] || rebind virtio "$(basename "$(readlink $device/driver)")" ${device##*/}
	done
	there
	calm
	use again
	busy
	for bus in pci/drivers/virtio-pci platform/drivers/virtio-mmio; do
		for device in $(cd /sys/bus/$bus 2>/dev/null && ls -d */ | tr -d / | grep -v -x -e module -e uevent); do
			rebind ${bus%%/*} ${bus##*/} $device
		done
	done
	there
	calm
	use last
	echo "cpus $cpus seed $seed"
	dmesg | grep -iE "virtio.*(fail|broken|unexpected)|NETDEV WATCHDOG|is not a head|BUG:|WARNING:|nobody cared|hung_task" | sed 's/^/complaint: /'
	poweroff
END
echo_host() {
	while rm -f /tmp/vs_5000 && $tool/metal-vsock listen /tmp/vs_5000; do :; done
}

# check KERNEL TRANSPORT VCPUS
check() {
	echo "--- $1, $2, $3 vCPUs"
	rm -f disk.img
	truncate -s 6M disk.img
	cat >guest.json <<-END
		{ "name": "drivers", "memory_mib": 256, "vcpus": $3, "transport": "$2", "vsock": { "path": "/tmp/vs" },
		  "kernel": { "path": "$1", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 panic=-1 loglevel=3" },
		  "disks": [{ "path": "/tmp/disk.img" }], "networks": [{ "type": "tap", "device": "tap0" }] }
	END
	rastos-vmm run guest.json </dev/null >log 2>&1 || fail "it did not power off: $(tail -n 20 log)"
	for time in first again last; do
		expect log "^$time: the disk keeps what is written"
		expect log "^$time: the card reaches the host"
		expect log "^$time: there is entropy"
		expect log "^$time: vsock reaches the host"
	done
	expect log "^cpus $3 seed 4"
	! printed log "^complaint" || fail "somebody complains: $(grep -a complaint log)"
	$tool/metal-load check disk.img 4 || fail "the host does not see what the guest wrote"
}

echo_host &
stock=/payload/kernel/vmlinuz
if [ "$long" ]; then
	for vcpus in 1 2 3 4; do
		for transport in mmio pci; do
			check $stock $transport $vcpus
			check $tuned $transport $vcpus
		done
	done
else
	check $stock pci 4
	check $tuned mmio 2
fi
