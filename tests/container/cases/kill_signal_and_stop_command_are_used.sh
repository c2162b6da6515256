unit polite <<'END'
[Service]
KillSignal=SIGUSR1
ExecStart=/bin/sh -c 'trap "echo asked; exit 0" USR1; echo set; while :; do sleep 0.05; done'
ExecStop=/bin/sh -c 'echo main is $MAINPID'
END
boot
logged polite set
main=$(ctl status polite | sed -n 's/.*Process: //p')
ctl stop polite
check "main is $main" ctl log polite
check "asked" ctl log polite
