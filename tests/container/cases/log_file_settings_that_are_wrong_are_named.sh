file etc/rinit/rinit.conf <<END
LogFile=relative
LogFileMax=lots
LogFileKeep=-1
END
boot
expect "rinit.conf:1: LogFile=relative is not valid"
expect "rinit.conf:2: LogFileMax=lots is not valid"
expect "rinit.conf:3: LogFileKeep=-1 is not valid"
expect "rinit: ready"
