# Modules are loaded for the devices of the boot, and for a device that is plugged in: by its modalias. A network card that comes
# gets its address from the .network file for it, and loses its DHCP client when it goes.
# timeout: 120
for module in virtio_net virtio_console evdev; do
	grep -q "^$module " /proc/modules || fail "$module was not loaded at boot"
done
grep -q "^virtio_rng " /proc/modules && fail "virtio_rng is there already: the case shows nothing"
outside qmp device_add '{"driver": "virtio-rng-pci", "id": "dice", "rng": "random", "bus": "slot1"}' >/dev/null
wait_for 20 grep -q "^virtio_rng " /proc/modules
wait_for 10 grep -q virtio_rng /sys/class/misc/hw_random/rng_available
outside qmp device_add '{"driver": "virtio-net-pci", "id": "card", "netdev": "plugged", "bus": "slot2"}' >/dev/null
wait_for 40 has "inet 10.0.2." ip -4 address show eth1
active dhcp@eth1
outside qmp device_del '{"id": "card"}' >/dev/null
wait_for 20 test ! -e /sys/class/net/eth1
wait_for 20 has inactive rinitctl is-active dhcp@eth1
