# A flood on the serial console that nobody reads stalls neither the guest's disk, its network card nor its other CPU.
truncate -s 8M disk
mkfifo console
tunctl -t tap0 >/dev/null
ip address add 192.168.77.1/24 dev tap0
ip link set tap0 up
guest_initrd initrd <<'GUEST'
ip address add 192.168.77.2/24 dev eth0
ip link set eth0 up
(while :; do dmesg; done >/dev/console) &
sleep 1
i=0
while [ $i -lt 20 ]; do
	dd if=/dev/vda of=/dev/null bs=1M iflag=direct 2>/dev/null
	i=$((i + 1))
done
dd if=/dev/zero of=/dev/vda bs=512 count=1 seek=9 conv=notrunc,fsync 2>/dev/null
printf done | dd of=/dev/vda bs=1 conv=notrunc,fsync 2>/dev/null
GUEST
# The reader opens the pipe and then sleeps: the pipe fills up, and so does everything behind it.
(sleep 60) <console &
rastos-vmm run -c 2 -m 192 -a "console=ttyS0 quiet panic=-1" -d disk -n tap:tap0 -i initrd $tuned </dev/null >console 2>err &
guest=$!
wait_for 30 sh -c '[ "$(head -c 4 disk)" = done ]'
wait_for 10 ping -c 1 -s 1400 -W 2 192.168.77.2
kill -9 $guest
