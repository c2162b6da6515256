unit keeper <<'END'
[Service]
Type=notify
NotifyAccess=all
FileDescriptorStoreMax=3
Restart=always
RestartSec=0
ExecStart=/bin/sh -c 'echo "${LISTEN_FDS:-0} $LISTEN_FDNAMES $((LISTEN_PID == $$$$))"; [ -e /run/again ] && cat <&3; exec 3<&- 4<&-; [ -e /run/again ] || peer fdstore "FDSTORE=1\nFDNAME=notes\nREADY=1" /etc/notes; peer fdstore "READY=1"; exec sleep 1000'
ExecStop=/bin/sh -c 'echo "stop has ${LISTEN_FDS:-0}"'
END
file etc/notes <<END
kept in between
END
boot
expect "rinit: ready"
logged keeper "0  "
touch "/proc/$pid/root/run/again"
main() { ctl status keeper | sed -n 's/.*Process: //p'; }
inside kill -9 "$(main)"
logged keeper "1 notes 1"
logged keeper "kept in between"
ctl restart keeper
logged keeper "stop has 0"
for ((n = 0; n < 100; n++)); do (($(ctl log keeper | grep -c "1 notes 1") == 2)) && break; sleep 0.05; done
(($(ctl log keeper | grep -c "1 notes 1") == 2)) || fail "not handed back after the restart that was asked for"
# Stopped for good it is dropped.
ctl stop keeper
ctl start keeper
for ((n = 0; n < 100; n++)); do (($(ctl log keeper | grep -c ": 0  ") == 2)) && break; sleep 0.05; done
(($(ctl log keeper | grep -c ": 0  ") == 2)) || fail "it still has: $(ctl log keeper)"
