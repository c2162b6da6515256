mkdir -p "$root/home/user" "$root/secret" "$root/real"
echo secret >"$root/secret/file"
ln -s /secret "$root/home/user/folder"
ln -s /secret/file "$root/home/user/file"
ln "$root/secret/file" "$root/home/user/hard"
chown -hR 1000:1000 "$root/home/user"
chown 0:0 "$root/secret/file"
ln -s real "$root/alias"
file etc/tmpfiles.d/a.conf <<'CONF'
f+ /home/user/folder/new  0666 - - - text
f+ /home/user/file        0666 - - - text
Z  /home/user             0777 1000 1000
R  /home/user/folder/*
d  /alias/made            0700
CONF
boot
expect "/home/user/folder/new: a link on the way belongs to somebody else than root"
expect "hard: has several names (hard links): left as it is"
expect "rinit: ready"
check secret cat "$root/secret/file"
check "644 0 0" stat -c "%a %u %g" "$root/secret/file"
check "755 0" stat -c "%a %u" "$root/secret"
[[ ! -e $root/secret/new ]] || fail "a link was followed"
[[ -d $root/real/made ]] || fail "root's own link was not followed"
