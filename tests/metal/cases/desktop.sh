# A guest with a screen: Debian's kernel for desktops finds the GPU, its console is seen on both displays, and what programs draw is
# there on the host pixel by pixel, and so it is to a viewer, whose keys and pointer arrive: by the frame buffer, and by DRM in another size.
# timeout: 120
screen=/payload/tools/metal-screen
minimal=/payload/desktop/desktop.initrd
viewer="/payload/tools/metal-viewer /tmp/desktop.vnc"
guest_initrd initrd $screen /payload/tools/metal-input <<'END'
	# told NAME: what the host says that it has done.
	told() {
		until read -r word && [ "$word" = "$1" ]; do :; done
	}
	until [ -e /dev/fb0 ] && [ -e /dev/dri/card0 ]; do sleep 0.1; done
	echo "frame buffer $(cat /sys/class/graphics/fb0/virtual_size) $(cat /sys/class/graphics/fb0/name)"
	for display in /sys/class/drm/card0-*; do
		echo "${display##*/} $(cat $display/status) $(head -n 1 $display/modes) edid $(wc -c <$display/edid)"
	done
	cat /sys/bus/pci/devices/*/class | grep '^0x03' | sed 's/^/class /'
	exec 3</dev/console
	until grep -q "rastOS tablet" /proc/bus/input/devices; do sleep 0.1; done
	/metal-input &
	for word in one two three; do echo "$word: rastOS is seen"; done >/dev/tty1
	printf "\033[?25l" >/dev/tty1 # a cursor that blinks would be seen in every picture
	echo "text"
	told text <&3
	/metal-screen draw /dev/fb0 1
	told draw <&3
	/metal-screen mode /dev/dri/card0 1024 768 2 >/tmp/shown &
	drawing=$!
	until grep -q shown /tmp/shown; do sleep 0.1; done
	cat /tmp/shown
	told mode <&3
	kill $drawing
	wait $drawing 2>/dev/null # what it had mapped would be in the way of unbinding
	for device in /sys/bus/virtio/drivers/virtio_gpu/virtio*; do
		echo ${device##*/} >/sys/bus/virtio/drivers/virtio_gpu/unbind
		echo "unbound"
		told unbound <&3
		echo ${device##*/} >/sys/bus/virtio/drivers/virtio_gpu/bind
	done
	until [ -e /dev/fb0 ]; do sleep 0.1; done
	/metal-screen draw /dev/fb0 3
	told again <&3
	dmesg | grep -iE "virtio.*gpu.*(error|fail)|\[drm\].*ERROR|BUG:|WARNING:" | sed 's/^/complaint: /'
	poweroff
END
cat >guest.json <<END
{ "name": "desktop", "memory_mib": 320, "transport": "pci",
  "video": { "model": "virtio", "heads": 2, "resolution": { "x": 800, "y": 600 }, "vram": 32768 },
  "graphics": [{ "type": "vnc", "socket": "/tmp/desktop.vnc" }],
  "kernel": { "path": "/payload/desktop/vmlinuz", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 panic=-1 loglevel=3" } }
END
mkfifo words
sleep 1000 >words &
holder=$!
rastos-vmm run guest.json <words >log 2>&1 &
guest=$!
say() {
	echo "$1" >words
}
# drawn W H SEED: within the time in which a kernel tells the device of what was drawn.
drawn() {
	log=seen
	wait_for 20 sh -c "$screen check $guest $* 2>seen"
	log=log
}
wait_for 120 printed log "^text"
expect log "^frame buffer 800,600 virtio_gpudrmfb"
expect log "^card0-Virtual-1 connected 800x600 edid 128"
expect log "^card0-Virtual-2 connected 800x600 edid 128"
expect log "^class 0x038000"
lit=$($screen lit $guest 800 600)
echo "the console has $lit pixels that are not black"
[ "$lit" -gt 500 ] && [ "$lit" -lt 100000 ] || fail "the console is not seen"
expect log "^device rastOS keyboard"
expect log "^device rastOS tablet"
# typed SYMBOL KEY: as a viewer types it. What comes before the guest listens is lost.
typed() {
	$viewer key "$1"
	wait_for 10 printed log "^input rastOS keyboard: 1 $2 1" && wait_for 10 printed log "^input rastOS keyboard: 1 $2 0"
}
typed 0x61 30
typed 0xff0d 28
$viewer point 400 300 1
wait_for 10 printed log "^input rastOS tablet: 3 0 16404" # 400 * 32767 / 799
wait_for 10 printed log "^input rastOS tablet: 3 1 16410" # 300 * 32767 / 599
wait_for 10 printed log "^input rastOS tablet: 1 272 1"
wait_for 10 printed log "^input rastOS tablet: 1 272 0" # the viewer has gone
say text
wait_for 20 printed log "^drawn 800x600"
drawn 800 600 1
$viewer check 800 600 1 || fail "a viewer sees something else"
! $screen check $guest 800 600 2 2>/dev/null || fail "any picture will do"
say draw
wait_for 20 printed log "^shown 1024x768"
drawn 1024 768 2
$viewer check 1024 768 2 || fail "a viewer sees something else in another size"
say mode
wait_for 20 printed log "^unbound"
wait_for 10 sh -c "! $screen lit $guest 800 600"
say unbound
drawn 800 600 3
say again
wait $guest || fail "it did not power off: $(tail -n 20 log)"
kill $holder
! printed log "^complaint" || fail "the driver complains: $(grep -a complaint log)"
