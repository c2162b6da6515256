# Every boot protocol leads to init: PVH, 64-bit Linux, bzImage unpacked here, bzImage by its own decompressor.
# timeout: 200
guest_initrd initrd <<'END'
echo booted
poweroff
END
for protocol in pvh linux64; do
	run_guest log -m 192 --protocol $protocol -i initrd $tuned
	expect log "booted"
done
for protocol in auto bzimage; do
	run_guest log -m 192 --protocol $protocol -i initrd /payload/kernel/bzImage
	expect log "booted"
done
