# A session is a service of its user, after the display manager, with a terminal or none, and ends with all it started.
file etc/rastos/mode <<<desktop
echo "ann:x:1000:1000:Ann:/home/ann:/bin/sh" >>"$root/etc/passwd"
echo "ann:x:1000:" >>"$root/etc/group"
mkdir -p "$root/home/ann" && chown 1000:1000 "$root/home/ann"
unit display-manager <<'END'
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c "echo greets; rinitctl notify READY=1; exec sleep 1000"
END
unit session@ <<'END'
[Unit]
After=display-manager.service
Requires=display-manager.service
[Service]
User=%i
WorkingDirectory=~
ExecStart=/bin/sh -c "echo $USER is at home in $PWD; sleep 1000 & exec sleep 1000"
END
file etc/rinit/sessions.target <<'END'
[Unit]
Wants=session@ann.service
END
mkdir -p "$root/etc/systemd/system/graphical.target.wants"
ln -s /etc/rinit/session@.service "$root/etc/systemd/system/graphical.target.wants/session@ann.service"
boot
expect "display-manager.service: greets"
expect "rinit: ready"
logged session@ann.service "ann is at home in /home/ann"
check "State: running" ctl status session@ann
ctl stop session@ann
[[ $(inside ps -o user,args) != *"ann "*sleep* ]] || fail "something of the session is left"
