# A guest is defined by domain XML such as virt-install makes it, boots, is dumped, defined again of that, and goes down; what would be another
# machine is refused; a stock Debian disk boots by such XML, too.
# timeout: 240
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
echo "serial $(cat /sys/block/vda/serial)"
echo "memory $(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo) cpus $(grep -c ^processor /proc/cpuinfo)"
echo "mac $(cat /sys/class/net/eth0/address) mtu $(cat /sys/class/net/eth0/mtu)"
echo "up and well"
END
truncate -s 1M /tmp/disk.img
tunctl -t tap0 >/dev/null
ip link set tap0 up
cat >/tmp/web.xml <<END
<domain type="kvm">
  <name>web</name>
  <uuid>6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory>131072</memory>
  <currentMemory>131072</currentMemory>
  <vcpu>2</vcpu>
  <os>
    <type arch="x86_64" machine="q35">hvm</type>
    <kernel>$tuned</kernel>
    <initrd>/tmp/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=-1</cmdline>
  </os>
  <features><acpi/><apic/><vmport state="off"/></features>
  <clock offset="utc">
    <timer name="rtc" tickpolicy="catchup"/>
    <timer name="pit" tickpolicy="delay"/>
    <timer name="hpet" present="no"/>
  </clock>
  <pm><suspend-to-mem enabled="no"/><suspend-to-disk enabled="no"/></pm>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type="file" device="disk">
      <driver name="qemu" type="raw"/>
      <source file="/tmp/disk.img"/>
      <target dev="vda" bus="virtio"/>
      <serial>of-xml</serial>
    </disk>
    <controller type="usb" model="qemu-xhci" ports="15"/>
    <controller type="pci" model="pcie-root"/>
    <controller type="pci" model="pcie-root-port"/>
    <interface type="ethernet">
      <mac address="52:54:00:15:39:47"/>
      <target dev="tap0" managed="no"/>
      <model type="virtio"/>
      <mtu size="1400"/>
    </interface>
    <console type="pty"/>
    <channel type="spicevmc"><target type="virtio" name="com.redhat.spice.0"/></channel>
    <input type="tablet" bus="usb"/>
    <graphics type="spice" port="-1" tlsPort="-1" autoport="yes"/>
    <sound model="ich9"/>
    <video><model type="virtio"/></video>
    <memballoon model="virtio"/>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
  </devices>
</domain>
END
# The manager needs no guest to be up.
rastos-vmm up -d --timeout 60
rastos-vmm define /tmp/web.xml 2>/tmp/told || fail "$(cat /tmp/told)"
cat /tmp/told
grep -q "^/tmp/web.xml: ignored /domain/devices/emulator: a guest is run by rastos-vmm" /tmp/told || fail "what was ignored was not told"
rastos-vmm define /tmp/web.xml 2>/dev/null && fail "it was defined twice"
rastos-vmm start --wait web

# its_log PATTERN: the guest has printed it.
its_log() {
	rastos-vmm logs web >/tmp/log && printed /tmp/log "$1"
}
log=/tmp/log
wait_for 60 its_log "^up and well"
expect /tmp/log "^serial of-xml"
expect /tmp/log "^memory 1[0-3][0-9] cpus 2"
expect /tmp/log "^mac 52:54:00:15:39:47 mtu 1400"

echo "it is dumped, changed and defined again"
rastos-vmm dumpxml web >/tmp/dumped.xml
grep -q '<libosinfo:os id="http://debian.org/debian/12"/>' /tmp/dumped.xml || fail "its metadata is lost"
rastos-vmm convert /tmp/dumped.xml /tmp/dumped.json 2>/tmp/told
[ ! -s /tmp/told ] || fail "what we print is not all meant: $(cat /tmp/told)"
sed 's/>131072</>163840</' /tmp/dumped.xml >/tmp/larger.xml
rastos-vmm define --replace /tmp/larger.xml
rastos-vmm dumpxml --inactive web | grep -q '<memory unit="KiB">163840</memory>' || fail "the new definition is not kept"
rastos-vmm shutdown --wait web
rastos-vmm start --wait web
wait_for 60 its_log "^memory 1[3-6][0-9] cpus 2"
rastos-vmm shutdown --wait web

echo "what would be another machine is refused"
sed 's|<emulator>.*|<tpm model="tpm-crb"><backend type="emulator" version="2.0"/></tpm>|' /tmp/web.xml >/tmp/tpm.xml
rastos-vmm define --replace /tmp/tpm.xml 2>/tmp/refusal && fail "it was defined"
expect /tmp/refusal "^rastos-vmm: /tmp/tpm.xml: /domain/devices/tpm is not supported"
sed 's|<name>web</name>|<name>web</name><vcpuu/>|' /tmp/web.xml >/tmp/wrong.xml
rastos-vmm define --replace /tmp/wrong.xml 2>/tmp/refusal && fail "it was defined"
expect /tmp/refusal "did you mean vcpu"
rastos-vmm down

echo "a stock Debian disk boots"
cat >/tmp/stock.xml <<END
<domain type="kvm">
  <name>stock</name>
  <memory unit="MiB">512</memory>
  <vcpu>1</vcpu>
  <os><type arch="x86_64" machine="q35">hvm</type><boot dev="hd"/></os>
  <devices>
    <disk type="block" device="disk"><driver name="qemu" type="raw"/><source dev="/dev/vdb"/><target dev="vda" bus="virtio"/></disk>
    <disk type="file" device="cdrom"><target dev="sda" bus="sata"/><readonly/></disk>
    <console type="pty"/>
  </devices>
</domain>
END
rastos-vmm run /tmp/stock.xml </dev/null >/tmp/log 2>&1 &
guest=$!
wait_for 120 printed /tmp/log "^Debian GNU/Linux 12 stock ttyS0"
kill $guest
wait_for 60 printed /tmp/log "reboot: Power down"
wait $guest || fail "it did not power off"
