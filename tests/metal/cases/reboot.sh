# A reboot in the guest starts it anew, --no-reboot ends it; SIGTERM presses the power button.
truncate -s 1M disk
guest_initrd initrd <<'END'
count=$(head -c 1 /dev/vda | tr '\0' 0)
count=$((count + 1))
printf $count | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null
echo "boot $count"
[ $count = 1 ] && reboot || poweroff
END
run_guest log -m 192 -d disk -i initrd $tuned
expect log "boot 1"
expect log "boot 2"
: >disk
truncate -s 1M disk
run_guest log -m 192 --no-reboot -d disk -i initrd $tuned
expect log "boot 1"
printed log "boot 2" && fail "--no-reboot was ignored"

guest_initrd idle <<'END'
echo idling
END
start_guest log -m 192 -i idle $tuned
wait_for 30 printed log idling
kill -TERM $guest
wait $guest || fail "the power button did not power the guest off"
