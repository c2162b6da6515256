# The tuned kernel boots to READY=1 and powers off; the report has every step.
guest_initrd initrd <<'END'
echo "hello from $RASTOS_RUNTIME"
poweroff
END
run_guest log --boot-report report -m 128 -i initrd $tuned
expect log "hello from guest"
cat report
for step in exec vm load run kernel init ready; do
	grep -q "\"name\":\"$step\"" report || fail "the boot report lacks the step $step"
done
