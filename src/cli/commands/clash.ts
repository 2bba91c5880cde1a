import { ServiceTokensError } from '../../errors.js';

/** Returns the error for two options that cannot be used together. */
export function clash(option: string, other: string): ServiceTokensError {
  return new ServiceTokensError('USAGE', `Options ${option} and ${other} cannot be used together`);
}

/** Returns the error for an option without another one that it requires. */
export function needs(option: string, other: string): ServiceTokensError {
  return new ServiceTokensError('USAGE', `Option ${option} needs ${other}`);
}
