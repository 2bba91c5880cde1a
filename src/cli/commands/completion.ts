import { usageError } from '../options.js';
import { type Command, NAME } from './command.js';

const FUNCTION = `_${NAME.replaceAll('-', '_')}`;

/**
 * For bash 3.2 and later. The line is passed, because bash keeps the quotes of the words in COMP_WORDS and splits them
 * at every `=`. Words are not passed to `compgen -W`, which would expand them.
 */
const bash = `# Completion of ${NAME} for bash. Made by: ${NAME} completion bash
${FUNCTION}() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    case $word in
      :files) compopt -o default 2>/dev/null ;;
      :directories) compopt -o dirnames 2>/dev/null ;;
      *)
        word=\${word%%$'\\t'*}
        # Only what follows the last character in COMP_WORDBREAKS is replaced.
        [[ $COMP_WORDBREAKS != *=* ]] || word=\${word#--*=}
        COMPREPLY+=("$word")
        ;;
    esac
  done < <(command ${NAME} complete --line "\${COMP_LINE:0:COMP_POINT}" </dev/null 2>/dev/null)
}
complete -F ${FUNCTION} ${NAME}
`;

/**
 * For zsh, to be sourced or saved as `_<tool>` on the fpath. Words are passed directly to `compadd`; `_call_program`,
 * `_describe` and others would expand them.
 */
const zsh = `#compdef ${NAME}
# Completion of ${NAME} for zsh. Made by: ${NAME} completion zsh
_${NAME}() {
  local -a typed=("\${(@Q)words[2,CURRENT - 1]}" "\${(Q)PREFIX}") found shown before=(\${(z)LBUFFER})
  # The variable may be set for this command only, as in: ES_PATH_CONF=config ${NAME} ...
  local line i=\${before[(I)*${NAME}]}
  while ((--i > 0)) && [[ $before[i] == [[:alpha:]_]*=* ]]; do
    [[ $before[i] != ES_PATH_CONF=* ]] || local -x ES_PATH_CONF=\${\${(Q)before[i]#*=}/#\\~\\//$HOME/}
  done
  for line in "\${(@f)$(command ${NAME} complete -- "\${(@)typed}" </dev/null 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) compset -P '*='; _files ;;
      :directories) compset -P '*='; _files -/ ;;
      *) found+=("\${line%%$'\\t'*}") shown+=("\${line/$'\\t'/  }") ;;
    esac
  done
  compadd -d shown -a found
}
if [[ $funcstack[1] == _${NAME} ]]; then _${NAME} "$@"; else compdef _${NAME} ${NAME}; fi
`;

/** For fish 3 and later, which does not expand the output of a command in `complete -a`. */
const fish = `# Completion of ${NAME} for fish. Made by: ${NAME} completion fish
function __fish${FUNCTION}
    set -l words (commandline -opc)
    # Variables that are set for this command precede it.
    while string match -qr '^\\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    for line in (command ${NAME} complete -- $words (commandline -ct) </dev/null 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :directories
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%s\\n' $line
        end
    end
end
complete -c ${NAME} -f -a '(__fish${FUNCTION})'
`;

const scripts = { bash, zsh, fish };
export const SHELLS: readonly string[] = Object.keys(scripts);

export const completion: Command = async ({ args: [shell, ...extra], terminal }) => {
  if (extra.length > 0) throw usageError(`Expected one argument, a shell, found ${extra.length + 1}`);
  const script = Object.entries(scripts).find(([name]) => name === shell)?.[1];
  if (script === undefined) {
    const fact = shell === undefined ? 'Missing shell argument' : `Unknown shell [${shell}]`;
    throw usageError(`${fact}. Must be one of [${SHELLS.join(',')}]`);
  }
  await terminal.answer(script);
};
