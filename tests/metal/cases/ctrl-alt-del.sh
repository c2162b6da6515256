# A guest that does not hear the power button hears Ctrl-Alt-Del: the second thing that a shutdown tries.
# timeout: 150
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
until [ -d /sys/module/button ]; do sleep 0.2; done
rmmod button && echo "no button"
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "memory_mib": 256,
  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
rastos-vmm up --no-console >manager.log 2>&1 &
log=/run/rastos/guests/web/console.log
wait_for 60 printed $log "no button"
rastos-vmm boot-report --wait web >/dev/null
rastos-vmm shutdown --wait --timeout 30 web
cat manager.log
expect $log "reboot: Restarting system|going to reboot"
if grep -q "did not shut down in time" manager.log; then
	fail "it was stopped by force"
fi
rastos-vmm down
