# sh layered-files.sh FOLDER SCRIPT: two programs of FOLDER, one and two, through a file system in layers whose inode numbers take more than 53 bits,
# and are equal in the first 53; runs both, and the script of Node beside them. In a mount namespace of its own.
set -e
cd "$1"
mkdir lower layers merged
mount -t tmpfs none layers
mkdir layers/upper layers/work
near() { [ $((($(stat -c %i "$1") + 1024) / 2048)) = $((($(stat -c %i "$2") + 1024) / 2048)) ]; }
for try in $(seq 200); do
  cp one "lower/one.$try" && cp two "lower/two.$try"
  near "lower/one.$try" "lower/two.$try" && break
done
near "lower/one.$try" "lower/two.$try"
mv "lower/one.$try" lower/one && mv "lower/two.$try" lower/two
touch -d @1 lower/one lower/two
mount -t overlay overlay -o xino=on,lowerdir=lower,upperdir=layers/upper,workdir=layers/work merged
sleep 60 | merged/one > /dev/null &
sleep 60 | merged/two > /dev/null &
sleep 1
"$NODE" --input-type=module -e "$2"
