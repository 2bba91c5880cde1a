/** One variable of a file of environment variables, such as `.env`; every other byte of the file is kept. */
import { ServiceTokensError } from '../errors.js';

/** The line that sets a variable. */
export interface Variable {
  /** Counted from 1. */
  readonly line: number;
  readonly value: string;
  /** The offset of the value, which ends at the end of the line. */
  readonly at: number;
}

/**
 * Finds the line `NAME=...` or `export NAME=...`, if there is one.
 *
 * @param text the file's bytes as latin1
 * @throws CANNOT_REPLACE if several lines set the variable, or if it is no file of variables
 */
export function findVariable(text: string, name: string, path: string): Variable | undefined {
  if (isAnotherFormat(text)) {
    const fact = `[${path}] is not a file of variables in UTF-8`;
    throw new ServiceTokensError('CANNOT_REPLACE', fact, { hint: 'Name another file.' });
  }
  const pattern = new RegExp(`^(?:\xef\xbb\xbf)?[ \t]*(?:export[ \t]+)?${name}=([^\r\n]*)`, 'gm');
  const found = [...text.matchAll(pattern)].map(({ index, 0: all, 1: value = '' }) => ({
    line: text.slice(0, index).split(/\r\n|[\r\n]/).length,
    value,
    at: index + all.length - value.length,
  }));
  const [first, second] = found;
  if (first === undefined || second === undefined) return first;
  const fact = `[${path}] sets ${name} more than once, on lines #${first.line} and #${second.line}`;
  throw new ServiceTokensError('CANNOT_REPLACE', fact, { hint: 'Remove one of these lines.' });
}

/** Sets a variable to a value that needs no quotes, in its line or else in a new last line. @throws as findVariable */
export function setVariable(text: string, name: string, value: string, path: string): string {
  const variable = findVariable(text, name, path);
  if (variable !== undefined) {
    return text.slice(0, variable.at) + value + text.slice(variable.at + variable.value.length);
  }
  const [end = '\n'] = /\r\n|\n/.exec(text) ?? [];
  const isLastEnded = text === '' || text.endsWith('\n');
  return `${text}${isLastEnded ? '' : end}${name}=${value}${end}`;
}

/** Whether a file is UTF-16, JSON, or YAML such as kibana.yml, which another line would break. */
function isAnotherFormat(text: string): boolean {
  const hasVariable = /^[ \t]*(?:export[ \t]+)?\w+=/m.test(text);
  return /\0|^\s*\{/.test(text) || (!hasVariable && /^[\w.-]+:(?:\s|$)/m.test(text));
}
