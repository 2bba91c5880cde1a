import {
  flagsWithValue,
  type SharedOption,
  sharedOptions,
  type Value,
  type Vocabulary,
} from './vocabulary.js';

/** Returns the script for fish 3 and later, which does not expand the output of a command in `complete -a`. */
export function fishScript(vocabulary: Vocabulary): string {
  const { tool, principals, commands } = vocabulary;
  const name = `__fish_${tool.replaceAll('-', '_')}`;
  const taking = (...kinds: string[]) =>
    commands.filter(({ offers }) => typeof offers === 'string' && kinds.includes(offers)).map(nameOf);
  const line = (condition: string, rest: string) =>
    `complete -c ${tool}${condition && ` -n ${quote(`${name}_${condition}`)}`} ${rest}`;
  const wordsOf = (words: readonly string[]) => quote(words.join(' '));
  return `# Completion of ${tool} for fish. Made by: ${tool} completion fish

# The words before the cursor, unquoted, without the tool's name and the variables set before it.
function ${name}_words
    set -l words (commandline -opc)
    while string match -qr '^\\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\\n' $words
end

# The command and its arguments, without the options.
function ${name}_arguments
    set -l skip 0
    set -l ended 0
    set -l found 0
    for word in (${name}_words)
        if test $skip = 1
            set skip 0
        else if test $ended = 0; and test "x$word" = x--
            set ended 1
        else if test $ended = 0; and string match -q -- '-?*' $word
            contains -- $word ${flagsWithValue(vocabulary).join(' ')}; and set skip 1
        else
            test $found = 1; or set ended 0
            set found 1
            printf '%s\\n' $word
        end
    end
end

function ${name}_is
    set -l given (${name}_arguments)
    contains -- "$given[1]" $argv
end

# Whether the command is one of these, without an argument yet.
function ${name}_is_first
    set -l given (${name}_arguments)
    test (count $given) = 1; and contains -- $given[1] $argv
end

function ${name}_tokens
    command ${tool} complete (${name}_words) (commandline -ct) </dev/null 2>/dev/null
end

complete -c ${tool} -f
${commands.map((command) => line(`is ''`, `-a ${command.name} -d ${quote(command.summary)}`)).join('\n')}
${sharedOptions(vocabulary)
  .map((option) => line(conditionOf(option, commands.length), optionArguments(option)))
  .join('\n')}
${line(`is_first ${taking('principal', 'token', 'tokens').join(' ')}`, `-a ${wordsOf(principals)}`)}
${line(`is ${taking('token', 'tokens').join(' ')}`, `-a '(${name}_tokens)'`)}
${line(`is ${taking('file').join(' ')}`, '-F')}
${commands
  .filter(({ offers }) => typeof offers !== 'string' && offers.length > 0)
  .map(({ name, offers }) => line(`is_first ${name}`, `-a ${wordsOf(offers as readonly string[])}`))
  .join('\n')}
`;
}

const nameOf = ({ name }: { readonly name: string }) => name;

function conditionOf({ commands }: SharedOption, all: number): string {
  return commands.length === all ? '' : `is ${commands.map((command) => command || "''").join(' ')}`;
}

function optionArguments({ flags, value, description }: SharedOption): string {
  const typed = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  return [...typed, ...(value === undefined ? [] : [valueArguments(value)]), `-d ${quote(description)}`].join(
    ' ',
  );
}

function valueArguments(value: Value): string {
  switch (value) {
    case 'file':
      return '-r -F';
    case 'directory':
      return "-x -a '(__fish_complete_directories)'";
    case 'user':
      return "-x -a '(__fish_complete_users)'";
    case 'anything':
      return '-x';
    default:
      return `-x -a ${quote(value.join(' '))}`;
  }
}

/** Quotes a text in single quotes, in which fish has two escapes. */
function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
