# What root= names has no init: the initrd says so, and gives a shell that works.
# only console
# console: LABEL=papers has no /sbin/rinit that can be executed => echo it is $((6 * 7))
# console: it is 42 => echo o >/proc/sysrq-trigger
