# The tuned kernel boots to READY=1 and powers off; the report has every step.
guest_initrd initrd <<'END'
echo "hello from $RASTOS_RUNTIME"
END
start_guest log --boot-report report -m 192 -i initrd $tuned
wait_for 30 printed log "hello from rastos"
sleep 1
kill -TERM $guest
wait $guest
cat report
for step in exec vm load run kernel init ready; do
	grep -q "\"name\":\"$step\"" report || fail "the boot report lacks the step $step"
done
