# poweroff stops services in reverse order, unmounts clean, and powers the machine off.
service() { cat >"/etc/systemd/system/$1.service"; }
after=network.target
for name in first second third; do
	service $name <<UNIT
[Unit]
After=$after
[Service]
ExecStart=/bin/sleep infinity
ExecStop=/bin/sh -c 'sleep 0.3; echo $name >>/var/log/stopped'
UNIT
	after=$name.service
done
rinitctl daemon-reload
rinitctl start third second first
dd if=/dev/urandom of=/var/log/noise bs=1M count=20 2>/dev/null # not on the disk yet
md5sum /var/log/noise >/var/log/noise.sum
poweroff
sleep 60
