# As a kernel that has no console when it starts PID 1: nothing is open, and /dev/null is all that there is to open. Whatever rinit opens
# first is not to be overwritten by that.
before='mount -t tmpfs dev dev && mknod -m 666 dev/null c 1 3 && exec <&- >&- 2>&-'
unit fine <<END
[Service]
ExecStart=/bin/echo fine runs
END
boot
logged rinit "ready"
logged fine "fine runs"
check "/dev/null" inside /bin/readlink /proc/1/fd/1
inside /bin/poweroff # may be killed with all others, before it can say so
ends 0
