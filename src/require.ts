import { types } from 'node:util';
import { type ErrorCode, ServiceTokensError } from './errors.js';

/*
 * Arguments are checked at run time, because JavaScript has no types and casts bypass those of TypeScript. What is wrong
 * throws USAGE. The message has the expected and the actual type, but never the value, which may be a misplaced secret.
 */

export function requireString(value: unknown, what: string, code?: ErrorCode): asserts value is string {
  if (typeof value !== 'string') throw refusal(what, 'must be a string', value, code);
}

/** A path that system calls accept. */
export function requirePath(value: unknown, what = 'path'): asserts value is string {
  requireString(value, what);
  if (value === '') throw new ServiceTokensError('USAGE', `${what} must not be empty`);
  if (value.includes('\0')) throw new ServiceTokensError('USAGE', `${what} must not contain a NUL character`);
}

export function requireBoolean(value: unknown, what: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw refusal(what, 'must be true or false', value);
}

export function requireFunction(value: unknown, what: string): void {
  if (typeof value !== 'function') throw refusal(what, 'must be a function', value);
}

export function requireObject(value: unknown, what: string): asserts value is object {
  if (typeof value !== 'object' || value === null) throw refusal(what, 'must be an object', value);
}

/** Checks those properties of an object that are defined. */
export function requireProperties<T extends object>(
  value: T,
  what: string,
  checks: { readonly [K in keyof T]?: (property: unknown, what: string) => void },
): void {
  requireObject(value, what);
  for (const name of Object.keys(checks) as (keyof T & string)[]) {
    if (value[name] !== undefined) checks[name]?.(value[name], name);
  }
}

/** The longest delay of a Node timer, in milliseconds. With a longer one, the timer fires at once. */
export const MAX_TIMER = 2 ** 31 - 1;

export function requireNumber(
  value: unknown,
  what: string,
  { least = 0, most = Number.POSITIVE_INFINITY } = {},
): asserts value is number {
  if (typeof value !== 'number') throw refusal(what, 'must be a number', value);
  if (value >= least && value <= most) return;
  const range = most === Number.POSITIVE_INFINITY ? `${least} or more` : `from ${least} to ${most}`;
  throw new ServiceTokensError('USAGE', `${what} must be ${range}`);
}

export function requireInteger(
  value: unknown,
  what: string,
  range?: { readonly least?: number; readonly most?: number },
): asserts value is number {
  requireNumber(value, what, range);
  if (!Number.isInteger(value)) throw new ServiceTokensError('USAGE', `${what} must be a whole number`);
}

export function requireBytes(value: unknown, what: string, length: number): asserts value is Uint8Array {
  if (!types.isUint8Array(value)) throw refusal(what, 'must be a Uint8Array', value);
  if (value.length === length) return;
  throw new ServiceTokensError('USAGE', `${what} must be ${length} bytes, not ${value.length}`);
}

/** An AbortSignal of any realm. */
export function requireSignal(value: unknown, what: string): asserts value is AbortSignal {
  requireObject(value, what);
  const { aborted, throwIfAborted, addEventListener } = value as Partial<AbortSignal>;
  if ([typeof aborted, typeof throwIfAborted, typeof addEventListener].join() !== 'boolean,function,function')
    throw new ServiceTokensError('USAGE', `${what} must be an AbortSignal`);
}

function refusal(what: string, rule: string, value: unknown, code: ErrorCode = 'USAGE'): ServiceTokensError {
  return new ServiceTokensError(code, `${what} ${rule}, not ${value === null ? 'null' : typeof value}`);
}
