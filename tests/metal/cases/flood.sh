# A flood on the serial console that nobody reads stalls neither the guest's disk nor its other CPU.
truncate -s 8M disk
mkfifo console
guest_initrd initrd <<'END'
(while :; do dmesg; done >/dev/console) &
sleep 1
i=0
while [ $i -lt 20 ]; do
	dd if=/dev/vda of=/dev/null bs=1M iflag=direct 2>/dev/null
	i=$((i + 1))
done
dd if=/dev/zero of=/dev/vda bs=512 count=1 seek=9 conv=notrunc,fsync 2>/dev/null
printf done | dd of=/dev/vda bs=1 conv=notrunc,fsync 2>/dev/null
END
# The reader opens the pipe and then sleeps: the pipe fills up, and so does everything behind it.
(sleep 60) <console &
rastos-vmm run -c 2 -m 192 -a "console=ttyS0 quiet panic=-1" -d disk -i initrd $tuned </dev/null >console 2>err &
guest=$!
wait_for 50 sh -c '[ "$(head -c 4 disk)" = done ]'
kill -9 $guest
