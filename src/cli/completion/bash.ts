import { flagsWithValue, sharedOptions, type Value, type Vocabulary } from './vocabulary.js';

/**
 * Returns the script for bash 3.2 and later. It reads COMP_LINE, because bash splits the words in COMP_WORDS at every
 * `=` and keeps their quotes. `compgen -W` would expand its argument, so words are compared one by one. Bash hides a
 * variable that is set for one command (`ES_PATH_CONF=dir <tool> ...`) from the function: only an exported one is used.
 */
export function bashScript(vocabulary: Vocabulary): string {
  const { tool, principals, options, commands } = vocabulary;
  const name = `_${tool.replaceAll('-', '_')}`;
  const taking = (...kinds: string[]) =>
    commands.filter(({ offers }) => typeof offers === 'string' && kinds.includes(offers)).map(nameOf);
  return `# Completion of ${tool} for bash. Made by: ${tool} completion bash

${name}() {
  # The words up to the cursor, without their quotes; nothing in them is expanded.
  local line=\${COMP_LINE:0:COMP_POINT} words=() current= quote= begun= char
  while [[ -n $line ]]; do
    char=\${line:0:1} line=\${line:1}
    case $quote$char in
      "''" | '""') quote= ;;
      '"\\') current+=\${line:0:1} line=\${line:1} ;;
      "'"? | '"'?) current+=$char ;;
      "'" | '"') quote=$char begun=1 ;;
      '\\') current+=\${line:0:1} line=\${line:1} begun=1 ;;
      [[:space:]]) [[ -z $begun ]] || words+=("$current"); current= begun= ;;
      *) current+=$char begun=1 ;;
    esac
  done

  # The command, how many arguments it has, and the option whose value is at the cursor.
  local word command= arguments=0 option= ended=
  for word in "\${words[@]:1}"; do
    if [[ -n $option ]]; then
      option=
    elif [[ -z $ended && $word == -- ]]; then
      ended=1
    elif [[ -z $ended && $word == -?* ]]; then
      case $word in
        ${flagsWithValue(vocabulary).join(' | ')}) option=$word ;;
      esac
    elif [[ -z $command ]]; then
      command=$word ended=
    else
      arguments=$((arguments + 1))
    fi
  done

  COMPREPLY=()
  local offers=() prefix=
  if [[ -z $option && -z $ended && $current == --*=* ]]; then
    option=\${current%%=*} current=\${current#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || prefix=$option=
  fi
  if [[ -n $option ]]; then
    case $command:$option in
${valueArms(vocabulary)}
    esac
  elif [[ -z $ended && $current == -* ]]; then
    case $command in
      '') offers=(${flagsOf(options)}) ;;
${commands.map((command) => `      ${command.name}) offers=(${flagsOf(command.options)}) ;;`).join('\n')}
    esac
  elif [[ -z $command ]]; then
    offers=(${commands.map(nameOf).join(' ')})
  else
    case $command:$arguments in
      ${arms(taking('principal', 'token', 'tokens'), '0')}) offers=(${principals.join(' ')}) ;;
${commands
  .filter(({ offers }) => typeof offers !== 'string' && offers.length > 0)
  .map(({ name, offers }) => `      ${name}:0) offers=(${(offers as readonly string[]).join(' ')}) ;;`)
  .join('\n')}
      ${arms(taking('file'), '*')}) compopt -o default 2>/dev/null ;;
    esac
    case $command in
      ${taking('token', 'tokens').join(' | ')})
        while IFS= read -r word; do offers+=("$word"); done < <(
          command ${tool} complete "\${words[@]:1}" "$current" </dev/null 2>/dev/null
        )
        ;;
    esac
  fi
  for word in "\${offers[@]}"; do
    [[ $word != "$current"* ]] || COMPREPLY+=("$prefix$word")
  done
}

complete -F ${name} ${tool}
`;
}

const nameOf = ({ name }: { readonly name: string }) => name;

function arms(commands: readonly string[], position: string): string {
  return commands.map((command) => `${command}:${position}`).join(' | ');
}

function flagsOf(options: Vocabulary['options']): string {
  return options.flatMap(({ flags }) => flags).join(' ');
}

/** How the value of an option is completed; paths are left to the readline library. */
const ACTIONS: Readonly<Record<Exclude<Value, readonly string[]>, string>> = {
  file: 'compopt -o default 2>/dev/null',
  directory: 'compopt -o dirnames 2>/dev/null',
  user: 'while IFS= read -r word; do offers+=("$word"); done < <(compgen -u)',
  anything: '',
};

function valueArms(vocabulary: Vocabulary): string {
  const patterns = new Map<string, Set<string>>();
  for (const { flags, value = 'anything', commands } of sharedOptions(vocabulary)) {
    const action = typeof value === 'string' ? ACTIONS[value] : `offers=(${value.join(' ')})`;
    const places = typeof value === 'string' ? ['*'] : commands;
    const all = patterns.get(action) ?? new Set();
    for (const flag of flags) for (const place of places) all.add(`${place}:${flag}`);
    if (action !== '') patterns.set(action, all);
  }
  return [...patterns].map(([action, all]) => `      ${[...all].join(' | ')}) ${action} ;;`).join('\n');
}
