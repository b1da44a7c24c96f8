# Does what the host says on the second serial port, one command a line: an id, and the command in base64. The answer is the id, the
# exit code, and the output in base64.
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
echo "@@ready" >&3
while read -r id line <&3; do
  echo "$line" | base64 -d >/tmp/command
  sh /tmp/command >/tmp/output 2>&1 3>&-
  echo "@@answer $id $? $(base64 /tmp/output | tr -d '\n')" >&3
done
