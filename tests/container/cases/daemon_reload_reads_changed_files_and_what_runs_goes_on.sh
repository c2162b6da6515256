stock a.service <<END
[Unit]
Description=old
[Service]
ExecStart=/bin/sleep 1000
END
wants multi-user.target a.service
boot
expect "rinit: ready"
before=$(ctl status a | grep Process)
sed -i "s/=old/=new/; s/1000/1001/" "$root/lib/systemd/system/a.service"
ctl daemon-reload
check "$before" ctl status a
ctl restart a
check "Description: new" ctl status a
stock b.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
END
ctl daemon-reload
ctl start b
logged b "b runs"
rm "$root/lib/systemd/system/b.service"
ctl stop b
ctl daemon-reload
ctl_fails 3 start b
