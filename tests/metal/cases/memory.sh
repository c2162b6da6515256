# What a guest process costs beside its guest's RAM: at most 3 MiB that is its own, for one vCPU and 128 MiB.
guest_initrd initrd <<'END'
echo idling
END
start_guest log -m 192 -i initrd $tuned
wait_for 30 printed log idling
sleep 1
# The guest's RAM is one memfd; all other mappings count, by their proportional share.
awk '/^[0-9a-f]+-[0-9a-f]+ / { ram = /memfd:/ } /^Pss:/ && !ram { pss += $2 } END { print pss }' /proc/$guest/smaps >pss
echo "PSS beside the guest's RAM: $(cat pss) KiB"
kill -9 $guest
[ "$(cat pss)" -lt 3072 ] || fail "the guest process is too large"
