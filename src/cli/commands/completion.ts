import { ServiceTokensError } from '../../errors.js';
import { ExitCode } from '../exit-codes.js';
import type { Command } from './command.js';

/** The command `completion`. @param tool the tool's name */
export function completionOf(tool: string): Command {
  const scripts = { bash: bashScript(tool), zsh: zshScript(tool), fish: fishScript(tool) };
  return async ({ args: [name, ...extra], terminal }) => {
    if (extra.length > 0) {
      throw new ServiceTokensError('USAGE', `Expected one argument, a shell, found ${extra.length + 1}`);
    }
    const script = Object.entries(scripts).find(([shell]) => shell === name)?.[1];
    if (script === undefined) {
      const fact = name === undefined ? 'Missing shell argument' : `Unknown shell [${name}]`;
      const choice = Object.keys(scripts).join(',');
      throw new ServiceTokensError('USAGE', `${fact}. Must be one of [${choice}]`);
    }
    await terminal.answer(script);
    return ExitCode.OK;
  };
}

/**
 * For bash 3.2 and later. The line is passed, because bash keeps the quotes of the words in COMP_WORDS and splits them
 * at every `=`. Words are not passed to `compgen -W`, which would expand them.
 */
function bashScript(tool: string): string {
  const name = `_${tool.replaceAll('-', '_')}`;
  return `# Completion of ${tool} for bash. Made by: ${tool} completion bash
${name}() {
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
  done < <(command ${tool} complete --line "\${COMP_LINE:0:COMP_POINT}" </dev/null 2>/dev/null)
}
complete -F ${name} ${tool}
`;
}

/**
 * For zsh, to be sourced or saved as `_<tool>` on the fpath. Words are passed directly to `compadd`; `_call_program`,
 * `_describe` and others would expand them.
 */
function zshScript(tool: string): string {
  const name = `_${tool}`;
  return `#compdef ${tool}
# Completion of ${tool} for zsh. Made by: ${tool} completion zsh
${name}() {
  local -a typed=("\${(@Q)words[2,CURRENT - 1]}" "\${(Q)PREFIX}") found shown before=(\${(z)LBUFFER})
  # The variable may be set for this command only, as in: ES_PATH_CONF=config ${tool} ...
  local line i=\${before[(I)*${tool}]}
  while ((--i > 0)) && [[ $before[i] == [[:alpha:]_]*=* ]]; do
    [[ $before[i] != ES_PATH_CONF=* ]] || local -x ES_PATH_CONF=\${\${(Q)before[i]#*=}/#\\~\\//$HOME/}
  done
  for line in "\${(@f)$(command ${tool} complete -- "\${(@)typed}" </dev/null 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) compset -P '*='; _files ;;
      :directories) compset -P '*='; _files -/ ;;
      *) found+=("\${line%%$'\\t'*}") shown+=("\${line/$'\\t'/  }") ;;
    esac
  done
  compadd -d shown -a found
}
if [[ $funcstack[1] == ${name} ]]; then ${name} "$@"; else compdef ${name} ${tool}; fi
`;
}

/** For fish 3 and later, which does not expand the output of a command in `complete -a`. */
function fishScript(tool: string): string {
  const name = `__fish_${tool.replaceAll('-', '_')}`;
  return `# Completion of ${tool} for fish. Made by: ${tool} completion fish
function ${name}
    set -l words (commandline -opc)
    # Variables that are set for this command precede it.
    while string match -qr '^\\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    for line in (command ${tool} complete -- $words (commandline -ct) </dev/null 2>/dev/null)
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
complete -c ${tool} -f -a '(${name})'
`;
}
