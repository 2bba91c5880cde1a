/** What a token file holds, and what is written into it. Its bytes are latin1 texts, which keep every byte. */
import type { ServiceToken } from '../token/token.js';
import { shellValue, tokensIn, wholeToken } from '../token/token-forms.js';
import { findVariable, setVariable } from './env-lines.js';

/** How a token stands in its file. */
export interface FileFormat {
  /** Formats a token: the whole file, or with `variable` only the value. */
  readonly format: (token: ServiceToken) => string;
  /** The variable that holds the token; then the file may have other lines, which are kept. */
  readonly variable: string | undefined;
}

/** What a token file holds: nothing, a token, or something else. */
export type Held = 'nothing' | 'other' | ServiceToken;

export interface TokenFileContent {
  readonly held: Held;
  /** Whether nothing else is lost if the token is replaced. */
  readonly isAlone: boolean;
  /** Whether the token is in the format. */
  readonly isFormatted: boolean;
  /** The number of the line that sets the variable. */
  readonly line: number | undefined;
  /** The content with a token in place of what the file held. */
  readonly withToken: (token: ServiceToken) => Buffer;
}

/** Reads the content of a token file. @param path its name in messages @throws CANNOT_REPLACE as findVariable does */
export function readContent(
  content: string,
  { format, variable: name }: FileFormat,
  path: string,
): TokenFileContent {
  const bare = wholeToken(content);
  const text = bare === undefined ? content : ''; // a bare token is no file of variables
  const variable = name === undefined ? undefined : findVariable(text, name, path);
  const value = name === undefined ? content : shellValue(variable?.value ?? '');
  const held = bare ?? (name === undefined ? onlyToken(value) : wholeToken(value));
  const wanted = held === undefined ? [] : format(held).split('\n');
  const lines = value.split('\n');
  // A manifest may have another name, but other lines are somebody's.
  const isOurs = (line: string) => wanted.includes(line) || /^ {2}name(space)?: /.test(line);
  return {
    held: held ?? (/^\s*(""|'')?\s*$/.test(value) ? 'nothing' : 'other'),
    isAlone: name !== undefined || bare !== undefined || lines.every(isOurs),
    isFormatted: wanted.every((line) => lines.includes(line)),
    line: variable?.line,
    withToken: (token) => {
      const formatted = format(token);
      return Buffer.from(name === undefined ? formatted : setVariable(text, name, formatted, path), 'latin1');
    },
  };
}

function onlyToken(text: string): ServiceToken | undefined {
  const [first, ...more] = tokensIn(text);
  return more.length === 0 ? first?.token : undefined;
}
