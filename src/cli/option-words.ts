import { closest } from '../did-you-mean.js';
import { ServiceTokensError } from '../errors.js';
import { ORIGINAL_OPTIONS } from './options.js';
import type { KnownOption } from './parser.js';

/**
 * Separates options from arguments as the original's parser does: word by word, and in a cluster letter by letter, so
 * that the first of several mistakes is reported. Without it, commander would report a missing value before an unknown
 * option, and read `-s-help` as `-s --help`.
 *
 * @param untilArgument whether the first argument ends the options, as in the original before the command's name
 * @returns the options, each as `--name` or `--name=value`; the other words; and whether `--` has ended the options
 * @throws OPTION, in the original's words
 */
export function splitWords(argv: readonly string[], known: readonly KnownOption[], untilArgument = false) {
  const words = [...argv];
  const args: string[] = [];
  const options: string[] = [];
  let haveEnded = false;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const isOption = word.startsWith('-') && word !== '-' && word !== '--';
    if (isOption) options.push(...readOptions(word, words, known));
    else if (word === '--') haveEnded = true;
    else args.push(word);
    if (haveEnded || (untilArgument && !isOption)) args.push(...words.splice(0));
  }
  return { options, args, haveEnded };
}

/** @param rest the following words, from which an option takes its value @returns the options of one word */
function readOptions(word: string, rest: string[], known: readonly KnownOption[]): string[] {
  const [, hyphens = '', name = '', value] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if (hyphens === '--' || [...name].length === 1) {
    return [canonical(findOption(hyphens, name, word, known), value, rest)];
  }
  const options: string[] = [];
  const letters = [...word.slice(1)];
  for (let letter = letters.shift(); letter !== undefined; letter = letters.shift()) {
    const option = findOption('-', letter, word, known);
    const attached = option.required && letters.length > 0 ? letters.splice(0).join('') : undefined;
    options.push(canonical(option, attached, rest));
  }
  return options;
}

/** @param value the value in the same word; without one, an option that requires a value takes the next word */
function canonical({ required, long = '' }: KnownOption, value: string | undefined, rest: string[]): string {
  const isOriginal = ORIGINAL_OPTIONS.includes(long);
  const name = isOriginal ? long.slice(2) : long;
  if (!required) {
    if (value === undefined) return long;
    throw new ServiceTokensError('OPTION', `Option ${name} does not take an argument`);
  }
  // In the original's parser, an empty value in the same word counts as none: `-E= a=b`.
  const given = (isOriginal ? value || undefined : value) ?? rest.shift();
  if (given !== undefined) return `${long}=${given}`;
  throw new ServiceTokensError('OPTION', `Option ${name} requires an argument`);
}

function findOption(hyphens: string, name: string, word: string, known: readonly KnownOption[]): KnownOption {
  const flag = `${hyphens}${name}`;
  const found = known.find(({ short, long }) => flag === short || flag === long);
  if (found !== undefined) return found;
  const guess = guessOption(word.replace(/^-+|=.*/gs, ''), known);
  throw new ServiceTokensError('OPTION', `${name} is not a recognized option`, {
    hint: guess && `Did you mean ${guess}?`,
  });
}

/** Names of these options in other tools. */
const SYNONYMS = new Map([
  ['f', ['file', 'force']],
  ['path', ['file', 'config-dir']],
]);

/** The option whose name was abbreviated, written with one hyphen, or misspelled. */
function guessOption(name: string, known: readonly KnownOption[]): string | undefined {
  const names = known.flatMap(({ long }) => long?.slice(2) ?? []);
  const guess = name.length < 2 ? undefined : closest(name, names);
  const synonyms = SYNONYMS.get(name)?.filter((synonym) => names.includes(synonym)) ?? [];
  return synonyms.length === 0 ? guess && `--${guess}` : synonyms.map((each) => `--${each}`).join(' or ');
}
