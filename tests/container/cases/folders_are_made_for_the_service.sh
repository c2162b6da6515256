file etc/passwd <<END
root::0:0:root:/root:/bin/sh
web:x:33:33:web:/srv:/bin/sh
END
unit web <<'END'
[Service]
User=web
RuntimeDirectory=web web/sub
RuntimeDirectoryMode=0750
StateDirectory=web
LogsDirectory=web
ExecStart=/bin/sh -c 'echo $RUNTIME_DIRECTORY $STATE_DIRECTORY $LOGS_DIRECTORY; touch $STATE_DIRECTORY/mine; ln -s /etc/passwd /run/web/link; ln -s /etc /run/web/etc; exec sleep 1000'
END
boot
logged web "/run/web:/run/web/sub /var/lib/web /var/log/web"
check "750 33" inside stat -c "%a %u" /run/web/sub
ctl stop web
inside test -e /run/web && fail "the runtime directory is still there"
inside test -e /var/lib/web/mine || fail "the state is not there"
inside test -e /etc/passwd || fail "what a link showed was removed"
