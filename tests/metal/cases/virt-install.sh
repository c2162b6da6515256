# Linux boots in guests as virt-install describes them: one after the other, each of another form, with the kernel and disks of this machine
# in place of the form's. All other forms are started in tests/api/test_forms.py.
# timeout: 240
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
# Prints what the forms differ in.
guest_initrd /tmp/initrd <<'END'
for disk in /sys/block/vd*; do
	echo "disk ${disk##*/} $(cat "$disk/size") serial <$(cat "$disk/serial")> ro $(cat "$disk/ro")"
done
echo "memory $(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo) cpus $(grep -c ^processor /proc/cpuinfo)"
for card in /sys/class/net/e*; do
	[ ! -d "$card" ] || echo "card mac $(cat "$card/address")"
done
echo "virtio $(cat /sys/bus/virtio/devices/*/device | tr '\n' ' ')"
echo "up and well"
END
truncate -s 1M /tmp/vda.img
truncate -s 2M /tmp/vdb.img
rastos-vmm up -d --timeout 60

# here FORM: the form with what is here, and 128 MiB where it has the 512 that all have.
here() {
	sed -e '/<boot dev=/d' -e '/<kernel>/d' -e '/<initrd>/d' -e '/<cmdline>/d' \
		-e "s|</os>|<kernel>$tuned</kernel><initrd>/tmp/initrd</initrd><cmdline>console=ttyS0 quiet panic=-1</cmdline></os>|" \
		-e 's|<memory>524288<|<memory>131072<|' -e 's|<currentMemory>524288<|<currentMemory>131072<|' \
		-e 's|type="block"|type="file"|' -e 's|<source dev="/dev/null"|<source file="/tmp/vda.img"|' \
		-e 's|<source dev="/dev/zero"|<source file="/tmp/vdb.img"|' -e 's|/dev/null|/tmp/vda.img|' -e 's|/dev/zero|/tmp/vdb.img|' \
		-e '/<interface /,/<\/interface>/d' "/payload/forms/$1.xml" >"/tmp/$1.xml"
}
its_log() {
	rastos-vmm logs "$form" >/tmp/log && printed /tmp/log "^up and well"
}
# boots FORM PATTERN...: it boots, and prints that.
boots() {
	form=$1
	shift
	echo "$form"
	here "$form"
	sed -i "s|<name>[^<]*</name>|<name>$form</name>|" "/tmp/$form.xml"
	rastos-vmm define "/tmp/$form.xml" 2>/tmp/told || fail "$(cat /tmp/told)"
	rastos-vmm start --wait "$form"
	log=/tmp/log
	wait_for 60 its_log
	for pattern; do
		expect /tmp/log "$pattern"
	done
	rastos-vmm kill --wait "$form"
	rastos-vmm undefine "$form"
}
boots vi-import "^disk vda 2048 serial <> ro 0" "^memory 1[0-3][0-9] cpus 1"
boots vi-serial "^disk vda 2048 serial <abc123>"
boots vi-two-disks "^disk vda 2048 .* ro 0" "^disk vdb 4096 .* ro 1"
boots vi-boot-order "^disk vda" "^disk vdb"
boots vi-rng "^virtio .*0x0004"
boots vi-vsock "^virtio .*0x0013"
boots vi-graphics-vnc "^memory"
rastos-vmm down
