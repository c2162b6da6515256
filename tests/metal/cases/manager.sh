# up, list, console, shutdown, start, reboot, down: one guest under the manager.
# timeout: 120
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
echo "up and well"
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "memory_mib": 128,
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
rastos-vmm list && fail "a manager runs already"
rastos-vmm up -d --timeout 60
rastos-vmm up -d --timeout 60
rastos-vmm list
rastos-vmm list --json | grep -q '"name":"web","role":"server","state":"running"' || fail "web does not run"
rastos-vmm boot-report --svg /tmp/chart.svg web
grep -q '<svg' /tmp/chart.svg || fail "no chart"
attach web log "up and well"
status=0
rastos-vmm shutdown wep || status=$?
[ $status = 3 ] || fail "no such guest is exit status 3, not $status"
before=$(rastos-vmm list --json)
rastos-vmm reboot web
wait_for 40 sh -c "rastos-vmm list --json | grep -q running && ! rastos-vmm list --json | grep -q '${before##*pid}'"
rastos-vmm boot-report --wait web
rastos-vmm shutdown --wait web
rastos-vmm list --json | grep -q '"state":"off"' || fail "web is not off"
rastos-vmm start web
rastos-vmm boot-report --wait web
rastos-vmm kill --wait web
rastos-vmm list --json | grep -q '"state":"off"' || fail "web is not off"
rastos-vmm start web
rastos-vmm boot-report --wait web
rastos-vmm down
rastos-vmm list && fail "the manager outlived down"
ps | grep -v grep | grep "guest:web" && fail "a guest outlived its manager"
true
