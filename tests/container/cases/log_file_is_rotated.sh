mkdir "$root/var"
file etc/rinit/rinit.conf <<END
LogFileMax=8K
LogFileKeep=2
END
unit talker <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "seq 1 3000 | sed 's/^/a line of some length with the number /'"
END
boot
expect "rinit: ready"
folder=$root/var/log/rinit
logged talker "number 3000"
for ((n = 0; n < 50; n++)); do grep -q "rinit: ready" "$folder/rinit.log" && break; sleep 0.1; done
grep -q "rinit: ready" "$folder/rinit.log" || fail "$(ls -l "$folder")"
[[ -e $folder/rinit.log.1 && -e $folder/rinit.log.2 && ! -e $folder/rinit.log.3 ]] || fail "$(ls -l "$folder")"
for one in "$folder"/*; do (($(stat -c %s "$one") <= 8192)) || fail "$(ls -l "$folder")"; done
