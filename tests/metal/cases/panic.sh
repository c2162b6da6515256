# A guest that panics or triple-faults ends, with what happened, and takes nothing along.
guest_initrd initrd <<'END'
echo c >/proc/sysrq-trigger
END
run_guest log -m 192 --no-reboot -i initrd $tuned && fail "a panic passed for a good end"
expect log "sysrq triggered crash"
expect log "guest vmlinux: the guest's kernel panicked"
