# What a guest wrote is there after its power off, for the next guest and for the host; kill -9 loses nothing that was synced.
truncate -s 16M disk
guest_initrd write <<'END'
dd if=/dev/zero bs=1M count=16 2>/dev/null | tr '\0' 'x' | dd of=/dev/vda bs=1M 2>/dev/null
sync
echo "id $(cat /sys/block/vda/serial)"
poweroff
END
guest_initrd read <<'END'
echo "sum $(md5sum </dev/vda)"
dd if=/dev/zero of=/dev/vda bs=512 count=1 2>/dev/null && sync && echo written || echo "write refused"
poweroff
END
run_guest log -m 192 -d disk,id=papers -i write $tuned
expect log "id papers"
[ "$(tr -d x <disk | wc -c)" = 0 ] || fail "the host does not see what the guest wrote"
run_guest log -m 192 -d disk,ro -i read $tuned
expect log "sum $(md5sum <disk | cut -c 1-32)"
expect log "write refused"

guest_initrd synced <<'END'
echo "kept safe" | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null
echo synced
END
start_guest log -m 192 -d disk -i synced $tuned
wait_for 30 printed log synced
kill -9 $guest
wait $guest || true
[ "$(head -c 9 disk)" = "kept safe" ] || fail "a synced write is lost"

start_guest log -m 192 -d disk -i synced $tuned
wait_for 30 printed log synced
run_guest second -m 192 -d disk -i read $tuned && fail "a disk in use was opened twice"
expect second "disk /tmp/disk: is in use by another guest or program"
kill -9 $guest
