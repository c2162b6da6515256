# A guest that ignores the power button is stopped when its time is over, and down waits for that.
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
# Its init is a shell that waits for ever at its console: nobody listens to the button.
cat >/etc/rastos/guests/deaf.json <<END
{ "name": "deaf", "memory_mib": 192, "on_poweroff": "restart",
  "kernel": { "path": "$tuned", "initrd": "$minimal", "cmdline": "console=ttyS0 quiet panic=-1 rdinit=/bin/sh" } }
END
rastos-vmm up --no-console >manager.log 2>&1 &
manager=$!
wait_for 20 rastos-vmm list
wait_for 20 sh -c "rastos-vmm list --json | grep -q starting"
sleep 3
rastos-vmm down --timeout 4
wait $manager
grep -q "guest deaf: did not shut down in time, stopping it" manager.log || fail "it was not stopped by force"
