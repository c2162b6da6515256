file bin/words <<'END'
#!/bin/sh
for word; do echo "<$word>"; done
END
chmod 755 "$root/bin/words"
file etc/default/words <<'END'
# options
OPTIONS="-a -b"
NAME='two words'
END
unit words <<'END'
[Service]
Type=oneshot
EnvironmentFile=/etc/default/words
EnvironmentFile=-/etc/default/none
Environment=DIR=/x
ExecStart=/bin/words $OPTIONS ${NAME} ${DIR}/y $$HOME $NOTHING end
END
boot
expect "words.service: <-a>"
expect "words.service: <-b>"
expect "words.service: <two words>"
expect "words.service: </x/y>"
expect 'words.service: <$HOME>'
expect "words.service: <end>"
