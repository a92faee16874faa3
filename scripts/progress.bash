# For the scripts that install and compile: what pip and cargo say of each package is one line that changes on a terminal, and
# nothing elsewhere. All else they say, errors above all, stands as it is.
progress() {
  local line clear=
  while IFS= read -r line; do
    case "$line" in
    *Collecting\ * | *Downloading\ * | *Downloaded\ * | *Using\ cached\ * | *Requirement\ already\ satisfied* | *Obtaining\ dependency* | \
      *Installing\ collected* | *Compiling\ * | *Adding\ *)
      if [ -t 1 ]; then printf '\r\033[K%.79s' "$line"; clear='\r\033[K'; fi ;;
    *) printf "$clear%s\n" "$line"; clear= ;;
    esac
  done
  printf "$clear"
}
