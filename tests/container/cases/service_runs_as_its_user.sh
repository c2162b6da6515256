file etc/passwd <<END
root::0:0:root:/root:/bin/sh
web:x:33:34:web:/srv:/bin/ash
END
file etc/group <<END
root:x:0:
web:x:34:
adm:x:4:web
disk:x:6:
END
mkdir "$root/srv"
unit who <<'END'
[Service]
Type=oneshot
User=web
SupplementaryGroups=disk
WorkingDirectory=~
UMask=0027
ExecStart=/bin/sh -c 'id -u; id -g; echo groups $(id -G); echo $USER $HOME $SHELL; pwd; umask'
END
boot
expect "who.service: 33"
expect "who.service: 34"
expect "who.service: groups 34 4 6"
expect "who.service: web /srv /bin/ash"
expect "who.service: /srv"
expect "who.service: 0027"
