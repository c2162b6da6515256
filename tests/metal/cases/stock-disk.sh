# A disk with stock Debian boots by the kernel in its /boot and systemd to its login prompt, and goes down by its power button.
# timeout: 200
rastos-vmm run -m 512 --boot-report report /dev/vdb </dev/null >log 2>&1 &
guest=$!
wait_for 120 printed log "^Debian GNU/Linux 12 stock ttyS0"
expect log "Command line: root=UUID=5261734f-5352-4f4f-5453-53544f434b01 ro console=ttyS0"
expect log "virtio-pci 0000:00:01.0: enabling device"
kill $guest
wait_for 60 printed log "reboot: Power down"
wait $guest || fail "it did not power off"
