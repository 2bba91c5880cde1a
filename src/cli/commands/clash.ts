import { ServiceTokensError } from '../../errors.js';

/** The error of two options that exclude each other. */
export function clash(option: string, other: string): ServiceTokensError {
  return new ServiceTokensError('USAGE', `Options ${option} and ${other} exclude each other`);
}

/** The error of an option without the one that it belongs to. */
export function needs(option: string, other: string): ServiceTokensError {
  return new ServiceTokensError('USAGE', `Option ${option} needs ${other}`);
}
