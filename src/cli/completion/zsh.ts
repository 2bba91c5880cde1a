import type { CompletedCommand, CompletedOption, Value, Vocabulary } from './vocabulary.js';

/**
 * Returns the script for zsh, to be sourced or saved as `_<tool>` on the fpath. Names from the file are passed directly
 * to `compadd`; `_call_program`, `_describe` and others would expand them.
 */
export function zshScript(vocabulary: Vocabulary): string {
  const { tool, options, commands } = vocabulary;
  const name = `_${tool}`;
  return `#compdef ${tool}
# Completion of ${tool} for zsh. Made by: ${tool} completion zsh

${name}() {
  local curcontext=$curcontext state ret=1
  local -a line typed=("\${(@Q)words[2,CURRENT - 1]}")
  local -A opt_args
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join('\n')}
  )
  _arguments -C -s -S : \\
    ${[...options.flatMap(specsOf), '(-): :->command', '(-)*:: :->arguments'].map(quote).join(' \\\n    ')} && ret=0
  case $state in
    command) _describe -t commands command commands && ret=0 ;;
    arguments)
      case $words[1] in
${commands.map((command) => commandArm(command, vocabulary)).join('\n')}
      esac
      ;;
  esac
  return ret
}

# The names of the tokens in the file.
${name}_tokens() {
  local -a names before=(\${(z)LBUFFER})
  # The variable may be set for this command only, as in: ES_PATH_CONF=config ${tool} ...
  local -i i=\${before[(I)*${tool}]}
  while ((--i > 0)) && [[ $before[i] == [[:alpha:]_]*=* ]]; do
    [[ $before[i] != ES_PATH_CONF=* ]] || local -x ES_PATH_CONF=\${\${(Q)before[i]#*=}/#\\~\\//$HOME/}
  done
  names=(\${(f)"$(command ${tool} complete "\${(@)typed}" "\${(Q)PREFIX}" </dev/null 2>/dev/null)"})
  compadd -a names
}

if [[ $funcstack[1] == ${name} ]]; then
  ${name} "$@"
else
  compdef ${name} ${tool}
fi
`;
}

function commandArm({ name, offers, options }: CompletedCommand, vocabulary: Vocabulary): string {
  const words = [...options.flatMap(specsOf), ...argumentSpecs(offers, vocabulary)]
    .map(quote)
    .join(' \\\n            ');
  return `        ${name})\n          _arguments -s -S : \\\n            ${words} && ret=0\n          ;;`;
}

function argumentSpecs(offers: CompletedCommand['offers'], { tool, principals }: Vocabulary): string[] {
  const accounts = principals.join(' ');
  switch (offers) {
    case 'principal':
      return [`1:principal:(${accounts})`, '2:name: '];
    case 'token':
    case 'tokens':
      return [`1:token:{_${tool}_tokens; compadd ${accounts}}`, `*:token:_${tool}_tokens`];
    case 'file':
      return ['*:file:_files'];
    default:
      return offers.length === 0 ? [] : [`1:word:(${offers.join(' ')})`];
  }
}

/** Returns the specifications of an option, one for each flag. */
function specsOf({ flags, description, placeholder = '', value, isRepeatable }: CompletedOption): string[] {
  const before = isRepeatable ? '*' : `(${flags.join(' ')})`;
  const text = `[${description.replace(/[\\\]:[]/g, '\\$&')}]`;
  return flags.map((flag) => {
    if (value === undefined) return `${before}${flag}${text}`;
    const attached = flag.startsWith('--') ? '=' : '+';
    return `${before}${flag}${attached}${text}:${placeholder}:${actionOf(value)}`;
  });
}

function actionOf(value: Value): string {
  switch (value) {
    case 'file':
      return '_files';
    case 'directory':
      return '_files -/';
    case 'user':
      return '_users';
    case 'anything':
      return ' ';
    default:
      return `(${value.join(' ')})`;
  }
}

/** Quotes a text in single quotes. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
