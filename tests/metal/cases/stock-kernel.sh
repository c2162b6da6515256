# Debian's own kernel, as a signed boot image, boots to READY=1; the image's signature is a step of the report.
# timeout: 150
rastos-vmm run --boot-report report --key $key /payload/images/minimal.itb </dev/null >log 2>&1 &
wait_for 100 printed log "login:"
kill $!
wait $! || fail "it did not power off"
cat report
for step in verify load init ready; do
	grep -q "\"name\":\"$step\"" report || fail "the boot report lacks the step $step"
done
