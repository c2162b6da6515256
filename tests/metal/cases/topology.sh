# SMP guests see as many CPUs as they have, arranged as their definition says.
guest_initrd initrd <<'END'
echo "cpus $(nproc)"
for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
	echo "$(basename $cpu) package $(cat $cpu/topology/physical_package_id) core $(cat $cpu/topology/core_id)" \
		"siblings $(cat $cpu/topology/thread_siblings_list)"
done
poweroff
END
for cpus in 1 2 4; do
	run_guest log -m 192 -c $cpus -i initrd $tuned
	expect log "cpus $cpus\$"
done
expect log "cpu3 package 0 core 3 siblings 3"
cat >smt.json <<END
{ "name": "smt", "kernel": { "path": "$tuned", "initrd": "initrd", "cmdline": "console=ttyS0 quiet panic=-1" },
  "memory_mib": 128, "topology": { "sockets": 2, "cores": 1, "threads": 2 } }
END
rastos-vmm run smt.json </dev/null >log 2>&1
expect log "cpus 4\$"
expect log "cpu1 package 0 core 0 siblings 0-1"
expect log "cpu2 package 1 core 0 siblings 2-3"
