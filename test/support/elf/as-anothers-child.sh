# sh as-anothers-child.sh PROGRAM [ARGUMENT ...]: runs a program with this one's input and output, and kills it when told to end.
# An engine must not trace a child of its own process: Node would take a stop of it for its end.
exec 3<&0
"$@" <&3 3<&- &
trap 'exec 2>/dev/null; kill -KILL $!' TERM
wait $!
wait $!
