/** The shells that a script is there for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What `dagswarm __complete` prints where files may stand, too. */
export const FILES = ":files";

/**
 * The script by which a shell asks the program what may stand there. The words come from the program each time, so that
 * ids of runs are among them and a script is never out of date.
 */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
	bash: `# dagswarm: eval "$(dagswarm completion bash)" in ~/.bashrc
_dagswarm() {
  local line="\${COMP_LINE:0:COMP_POINT}" word=""
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *" " ]] && words+=("")
  word="\${words[\${#words[@]}-1]}"
  # The shell takes ids apart at colons and equals signs: what stands before the last of them stays.
  local before="\${word%"\${word##*[:=]}"}"
  COMPREPLY=()
  local text
  while IFS=$'\\t' read -r text _; do
    if [[ "$text" == "${FILES}" ]]; then
      compopt -o default 2>/dev/null
    else
      COMPREPLY+=("\${text#"$before"}")
    fi
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _dagswarm dagswarm`,

	zsh: `#compdef dagswarm
# dagswarm: eval "$(dagswarm completion zsh)" in ~/.zshrc, after compinit
_dagswarm() {
  local -a found
  local text about files=0
  while IFS=$'\\t' read -r text about; do
    if [[ "$text" == "${FILES}" ]]; then
      files=1
    else
      found+=("\${text//:/\\\\:}\${about:+:$about}")
    fi
  done < <("\${words[1]}" __complete -- "\${(@)words[2,$CURRENT]}" 2>/dev/null)
  (( \${#found} )) && _describe dagswarm found
  (( files )) && _files
  return 0
}
compdef _dagswarm dagswarm`,

	fish: `# dagswarm: dagswarm completion fish > ~/.config/fish/completions/dagswarm.fish
function __dagswarm_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] __complete -- $words[2..-1] 2>/dev/null)
  for line in $found
    if test "$line" = "${FILES}"
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c dagswarm -f -a '(__dagswarm_complete)'`,
};
