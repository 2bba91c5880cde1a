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
 * Finds the line `NAME=...` or `export NAME=...`.
 *
 * @param text the file's bytes as latin1
 * @param name the name of a variable: letters, digits and underscores
 * @returns undefined if no line sets the variable
 * @throws CANNOT_REPLACE if several lines do, or if it is no file of variables
 */
export function findVariable(text: string, name: string, path: string): Variable | undefined {
  if (isAnotherFormat(text)) {
    throw new ServiceTokensError('CANNOT_REPLACE', `[${path}] is not a file of variables in UTF-8`, {
      hint: 'Name another file.',
    });
  }
  const pattern = new RegExp(`^(?:\xef\xbb\xbf)?[ \t]*(?:export[ \t]+)?${name}=([^\r\n]*)`, 'gm');
  const found = [...text.matchAll(pattern)].map(({ index, 0: all, 1: value = '' }) => ({
    line: text.slice(0, index).split(/\r\n|[\r\n]/).length,
    value,
    at: index + all.length - value.length,
  }));
  const [first, second] = found;
  if (first === undefined || second === undefined) return first;
  throw new ServiceTokensError(
    'CANNOT_REPLACE',
    `[${path}] sets ${name} more than once, on lines #${first.line} and #${second.line}`,
    { hint: 'Remove one of these lines.' },
  );
}

/**
 * Sets a variable: the value of its line, or else a new last line.
 *
 * @param text the file's bytes as latin1
 * @param value one that needs no quotes
 * @returns the new text; apart from the value, or the new line, it is the same
 * @throws as findVariable
 */
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
