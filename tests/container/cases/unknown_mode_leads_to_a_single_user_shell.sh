file etc/rastos/mode <<END
laptop
END
unit never <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect 'rinit: /etc/rastos/mode: unknown mode "laptop": it must hold one word, server or desktop; going to single-user mode'
type "echo I am \$((6 * 7))"
expect "I am 42"
never "started never"
